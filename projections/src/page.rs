//! Pages of rows: keyset paging by the position at which each row's aggregate began.

/// Rows that one page may have.
pub const PAGE_ROWS_MAX: u32 = 100;

/// Which rows of a list are wanted, in the order of their creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// `created_position` of the last row of the page before; `None` for the first page.
    pub after: Option<u64>,
    /// How many rows at the most; more than [`PAGE_ROWS_MAX`] is taken as [`PAGE_ROWS_MAX`].
    pub limit: u32,
}

impl Page {
    /// The first page, as long as a page may be.
    pub const FIRST: Self = Self { after: None, limit: PAGE_ROWS_MAX };

    pub(crate) fn after(self) -> i64 {
        // No row stands beyond the greatest bigint, so a greater position finds what there is: nothing.
        self.after.map_or(0, |position| i64::try_from(position).unwrap_or(i64::MAX))
    }

    pub(crate) fn limit(self) -> i64 {
        i64::from(self.limit.min(PAGE_ROWS_MAX))
    }
}
