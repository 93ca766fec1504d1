//! A series as an Arrow IPC stream: `polars.read_ipc_stream`, `pyarrow.ipc.open_stream`.

use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Float64Array, RecordBatch, UInt64Array};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use jiff::civil::{Date, date};
use projections::prices::BarRow;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// What the stream is called.
pub const CONTENT_TYPE: &str = "application/vnd.apache.arrow.stream";

const EPOCH: Date = date(1970, 1, 1);

/// The stream's bytes: one batch, a column for each field. Prices are floats here, for computing with.
pub fn stream(rows: &[BarRow]) -> Result<Vec<u8>, ArrowError> {
    let price = |column: fn(&BarRow) -> Option<Decimal>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| column(row)?.to_f64()).collect::<Float64Array>())
    };
    let days: Date32Array = rows.iter().map(|row| Some((row.bar.date - EPOCH).get_days())).collect();
    let volumes: UInt64Array = rows.iter().map(|row| row.bar.volume).collect();
    let adjusted: Float64Array = rows.iter().map(|row| row.adjusted_close).collect();
    let returns: Float64Array = rows.iter().map(|row| row.total_return).collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("date", Arc::new(days) as ArrayRef, false),
        ("open", price(|row| row.bar.open), true),
        ("high", price(|row| row.bar.high), true),
        ("low", price(|row| row.bar.low), true),
        ("close", price(|row| Some(row.bar.close)), false),
        ("volume", Arc::new(volumes), true),
        ("adjusted_close", Arc::new(adjusted), true),
        ("total_return", Arc::new(returns), true),
    ])?;
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()?;
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Date32Type, Float64Type, UInt64Type};
    use arrow_array::{Array, RecordBatch};
    use arrow_ipc::reader::StreamReader;
    use events::values::Bar;
    use jiff::civil::date;
    use projections::prices::BarRow;

    use super::stream;

    fn read(rows: &[BarRow]) -> RecordBatch {
        let bytes = stream(rows).unwrap();
        let batches: Vec<RecordBatch> =
            StreamReader::try_new(bytes.as_slice(), None).unwrap().collect::<Result<_, _>>().unwrap();
        let [batch] = batches.as_slice() else { panic!("{} batches", batches.len()) };
        batch.clone()
    }

    #[test]
    fn what_is_written_is_read_back_and_what_is_not_known_is_null() {
        let first = Bar::closing(date(2024, 1, 2), "10.5".parse().unwrap());
        let second = Bar {
            open: Some(11.into()),
            high: Some(12.into()),
            low: Some("10.25".parse().unwrap()),
            volume: Some(u64::MAX),
            ..Bar::closing(date(2024, 1, 3), "11.5".parse().unwrap())
        };
        let batch = read(&[
            BarRow { bar: first, adjusted_close: None, total_return: None },
            BarRow { bar: second, adjusted_close: Some(11.5), total_return: Some(0.125) },
        ]);
        let floats = |name: &str| -> Vec<Option<f64>> {
            batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().iter().collect()
        };
        let days: Vec<_> = batch.column_by_name("date").unwrap().as_primitive::<Date32Type>().iter().collect();
        assert_eq!(days, [Some(19_724), Some(19_725)], "days since 1970-01-01");
        assert_eq!(floats("open"), [None, Some(11.0)]);
        assert_eq!(floats("high"), [None, Some(12.0)]);
        assert_eq!(floats("low"), [None, Some(10.25)]);
        assert_eq!(floats("close"), [Some(10.5), Some(11.5)]);
        assert_eq!(floats("adjusted_close"), [None, Some(11.5)]);
        assert_eq!(floats("total_return"), [None, Some(0.125)]);
        let volumes = batch.column_by_name("volume").unwrap().as_primitive::<UInt64Type>();
        assert_eq!(volumes.iter().collect::<Vec<_>>(), [None, Some(u64::MAX)]);
    }

    #[test]
    fn a_series_without_days_is_an_empty_table_with_all_its_columns() {
        let batch = read(&[]);
        assert_eq!((batch.num_rows(), batch.num_columns()), (0, 8));
        assert!(batch.columns().iter().all(|column| column.is_empty()));
    }
}
