//! Pages of rows: keyset paging by the position at which each row's aggregate began.

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
}

/// The records of a page of those rows of which all of this holds. Two statements, because a parameter cannot say in which
/// direction an index is read. `$1` and `$2` are the page's own; what `$which` compares with begins at `$3`.
macro_rules! page_of {
    ($record:ident, $pool:expr, $page:expr, $select:tt, $which:tt $(, $value:expr)* $(,)?) => {
        match $page.order {
            $crate::page::Order::OldestFirst => {
                sqlx::query_as!(
                    $record,
                    $select
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
                    $select
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

pub(crate) use page_of;
