//! Tables of prices in CSV, plain or gzipped, from a path or from standard input.

mod columns;
mod gathering;
mod given;
mod number;
mod table;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use events::asset::PriceBasis;
use events::values::{AssetId, Name};
use flate2::bufread::MultiGzDecoder;
use tokio::sync::mpsc;

use crate::left_out::LeftOut;
use crate::source::{Fetched, Source, Window};
use crate::unit::Unit;

pub use columns::{ColumnsError, Mapping};

/// Assets that wait, read, until somebody takes them.
const ASSETS_READ_AHEAD: usize = 8;
/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Which table to read, and how.
#[derive(Debug, Clone)]
pub struct FilesSettings {
    /// The file; `-` is standard input.
    pub path: PathBuf,
    /// Who gave it, as events name it.
    pub name: Name,
    /// What its prices say.
    pub basis: PriceBasis,
    /// The unit of its prices, where no column says.
    pub unit: Unit,
    /// What its columns are called, where they are not called as usual.
    pub mapping: Mapping,
    /// The assets that are wanted; all where none is named.
    pub assets: BTreeSet<AssetId>,
    /// The days that are wanted.
    pub window: Window,
}

/// A table of prices, read while it is loaded.
#[derive(Debug)]
pub struct Files {
    name: Name,
    wanted: Option<usize>,
    read: mpsc::Receiver<Part>,
    unclaimed: LeftOut,
    ended_by: Option<FilesError>,
}

/// What was read of a table.
#[derive(Debug)]
enum Part {
    Asset(Fetched),
    /// The last: rows of no asset, and whether the table was read to its end.
    End(LeftOut, Result<(), FilesError>),
}

/// Why a table cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// There is no such file, or it cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] std::io::Error),
    /// It is no CSV.
    #[error("the file is no table")]
    Csv(#[from] csv::Error),
    /// Its columns are not what prices need.
    #[error(transparent)]
    Columns(#[from] ColumnsError),
}

impl Files {
    /// The table, which begins to be read at once.
    #[must_use]
    pub fn open(settings: FilesSettings) -> Self {
        let (send, read) = mpsc::channel(ASSETS_READ_AHEAD);
        let wanted = (!settings.assets.is_empty()).then_some(settings.assets.len());
        let name = settings.name.clone();
        tokio::task::spawn_blocking(move || {
            let mut unclaimed = LeftOut::none();
            let give = |fetched| send.blocking_send(Part::Asset(fetched)).is_ok();
            let result = bytes(&settings.path)
                .map_err(FilesError::from)
                .and_then(|bytes| table::read(bytes, &settings, &mut unclaimed, give));
            if send.blocking_send(Part::End(unclaimed, result)).is_err() {
                tracing::debug!("a table is of no interest any more");
            }
        });
        Self { name, wanted, read, unclaimed: LeftOut::none(), ended_by: None }
    }

    /// Why the table was not read to its end, where it was not.
    pub fn ended_by(&mut self) -> Option<FilesError> {
        self.ended_by.take()
    }
}

impl Source for Files {
    fn name(&self) -> &Name {
        &self.name
    }

    fn assets(&self) -> Option<usize> {
        self.wanted
    }

    async fn next(&mut self) -> Option<Fetched> {
        match self.read.recv().await? {
            Part::Asset(fetched) => Some(fetched),
            Part::End(unclaimed, result) => {
                self.unclaimed = unclaimed;
                self.ended_by = result.err();
                None
            }
        }
    }

    fn unclaimed(&mut self) -> LeftOut {
        std::mem::take(&mut self.unclaimed)
    }
}

/// The table's bytes, unpacked where they are packed.
fn bytes(path: &PathBuf) -> std::io::Result<Box<dyn Read>> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let source: Box<dyn Read> =
        if path.as_os_str() == "-" { Box::new(std::io::stdin()) } else { Box::new(File::open(path)?) };
    let mut source = BufReader::with_capacity(BUFFER_BYTES, source);
    let is_packed = source.fill_buf()?.starts_with(&GZIP);
    Ok(if is_packed { Box::new(MultiGzDecoder::new(source)) } else { Box::new(source) })
}
