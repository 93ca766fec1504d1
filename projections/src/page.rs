//! Pages of rows: keyset paging by the position at which each row's aggregate began.

use crate::columns::natural;

/// Rows that one page may have.
pub const PAGE_ROWS_MAX: u32 = 100;

/// The direction of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// In the order of creation.
    #[default]
    OldestFirst,
    /// The other way round.
    NewestFirst,
}

/// Which rows of a list are wanted, in the order of their creation or the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// In which direction the list is read.
    pub order: Order,
    /// `created_position` of the last row of the page before; `None` for the first page.
    pub after: Option<u64>,
    /// How many rows at the most; more than [`PAGE_ROWS_MAX`] is taken as [`PAGE_ROWS_MAX`].
    pub limit: u32,
}

impl Page {
    /// The first page, as long as a page may be.
    pub const FIRST: Self = Self { order: Order::OldestFirst, after: None, limit: PAGE_ROWS_MAX };

    /// The page, of the list that is read in this direction.
    #[must_use]
    pub const fn in_order(self, order: Order) -> Self {
        Self { order, ..self }
    }

    pub(crate) fn after(self) -> i64 {
        let before_all = match self.order {
            Order::OldestFirst => 0,
            Order::NewestFirst => i64::MAX,
        };
        // No row stands beyond the greatest bigint, so a greater position is as good as that one.
        self.after.map_or(before_all, |position| i64::try_from(position).unwrap_or(i64::MAX))
    }

    pub(crate) fn limit(self) -> i64 {
        i64::from(self.limit.min(PAGE_ROWS_MAX))
    }

    /// How many rows are looked at beside one: as many as one request may, or as many as the page has where none is left out.
    pub(crate) fn others_looked_at(self, leaves_out: bool) -> i64 {
        let looked_at = if leaves_out { i64::from(LOOKED_AT_MAX) } else { self.limit() };
        looked_at.saturating_sub(1).max(0)
    }

    /// The first and the last place that a page may have which is looked for up to this one.
    pub(crate) fn places(self, end: Option<i64>) -> (i64, i64) {
        match self.order {
            Order::OldestFirst => (i64::MIN, end.unwrap_or(i64::MAX)),
            Order::NewestFirst => (end.unwrap_or(i64::MIN), i64::MAX),
        }
    }
}

/// Rows that one request looks at where no index knows what is asked for. Where fewer of them fit than a page may have, the
/// list goes on behind them.
pub const LOOKED_AT_MAX: u32 = 5_000;

/// A page of a list that is looked through: it may be short, or empty, and still lead on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked<R> {
    /// The rows that fit.
    pub rows: Vec<R>,
    /// Behind which place to go on; `None` where the list was looked through to its end.
    pub next: Option<u64>,
}

impl<R> Looked<R> {
    /// The rows that fit, of a page that was looked for up to this place. `place` says where a row stands.
    ///
    /// # Errors
    /// Where the place is none.
    pub(crate) fn up_to(
        end: Option<i64>,
        page: Page,
        rows: Vec<R>,
        place: impl Fn(&R) -> u64,
    ) -> Result<Self, sqlx::Error> {
        let is_full = i64::try_from(rows.len()).is_ok_and(|found| found >= page.limit());
        let next = match rows.last().filter(|_| is_full) {
            Some(last) => Some(place(last)),
            None => end.map(natural).transpose()?,
        };
        Ok(Self { rows, next })
    }
}

/// The records of a page of those rows of which all of this holds. Two statements, because a parameter cannot say in which
/// direction an index is read. `$1` and `$2` are the page's own; what `$which` compares with begins at `$3`.
macro_rules! page_of {
    ($record:ident, $pool:expr, $page:expr, $columns:tt, $from:tt, $which:tt $(, $value:expr)* $(,)?) => {
        match $page.order {
            $crate::page::Order::OldestFirst => {
                sqlx::query_as!(
                    $record,
                    $columns
                        + $from
                        + " WHERE created_position > $1 "
                        + $which
                        + " ORDER BY created_position LIMIT $2",
                    $page.after(),
                    $page.limit()
                    $(, $value)*
                )
                .fetch_all($pool)
                .await
            }
            $crate::page::Order::NewestFirst => {
                sqlx::query_as!(
                    $record,
                    $columns
                        + $from
                        + " WHERE created_position < $1 "
                        + $which
                        + " ORDER BY created_position DESC LIMIT $2",
                    $page.after(),
                    $page.limit()
                    $(, $value)*
                )
                .fetch_all($pool)
                .await
            }
        }
    };
}

/// As [`page_of`], of rows that stand in one of several ways, `$one` and the others, where only the rows of each way have an
/// index in the page's order: PostgreSQL merges a page of each. (Without their own ends it reads all of them to the last row.)
macro_rules! page_of_each {
    (
        $record:ident, $pool:expr, $page:expr, $columns:tt, $from:tt, [$one:tt $(, $other:tt)+], $which:tt
        $(, $value:expr)* $(,)?
    ) => {
        match $page.order {
            $crate::page::Order::OldestFirst => {
                sqlx::query_as!(
                    $record,
                    $columns
                        + " FROM ((SELECT * "
                        + $from
                        + $one
                        + " AND created_position > $1 "
                        + $which
                        + " ORDER BY created_position LIMIT $2)"
                        $(
                            + " UNION ALL (SELECT * "
                            + $from
                            + $other
                            + " AND created_position > $1 "
                            + $which
                            + " ORDER BY created_position LIMIT $2)"
                        )+
                        + ") either ORDER BY created_position LIMIT $2",
                    $page.after(),
                    $page.limit()
                    $(, $value)*
                )
                .fetch_all($pool)
                .await
            }
            $crate::page::Order::NewestFirst => {
                sqlx::query_as!(
                    $record,
                    $columns
                        + " FROM ((SELECT * "
                        + $from
                        + $one
                        + " AND created_position < $1 "
                        + $which
                        + " ORDER BY created_position DESC LIMIT $2)"
                        $(
                            + " UNION ALL (SELECT * "
                            + $from
                            + $other
                            + " AND created_position < $1 "
                            + $which
                            + " ORDER BY created_position DESC LIMIT $2)"
                        )+
                        + ") either ORDER BY created_position DESC LIMIT $2",
                    $page.after(),
                    $page.limit()
                    $(, $value)*
                )
                .fetch_all($pool)
                .await
            }
        }
    };
}

/// The place up to which a page of such rows is looked for: behind that many others; `None` where there are fewer. With it no
/// plan reads more, whatever it takes the filters for. `$1` and `$2` are the page's own; what `$which` compares with begins at
/// `$3`.
macro_rules! end_of_looking {
    ($pool:expr, $page:expr, $leaves_out:expr, $from:tt, $which:tt $(, $value:expr)* $(,)?) => {{
        let others = $page.others_looked_at($leaves_out);
        let end: Result<Option<i64>, sqlx::Error> = match $page.order {
            $crate::page::Order::OldestFirst => {
                sqlx::query_scalar!(
                    "SELECT created_position " + $from + " WHERE created_position > $1 " + $which
                        + " ORDER BY created_position OFFSET $2 LIMIT 1",
                    $page.after(),
                    others
                    $(, $value)*
                )
                .fetch_optional($pool)
                .await
            }
            $crate::page::Order::NewestFirst => {
                sqlx::query_scalar!(
                    "SELECT created_position " + $from + " WHERE created_position < $1 " + $which
                        + " ORDER BY created_position DESC OFFSET $2 LIMIT 1",
                    $page.after(),
                    others
                    $(, $value)*
                )
                .fetch_optional($pool)
                .await
            }
        };
        end
    }};
}

pub(crate) use {end_of_looking, page_of, page_of_each};
