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
    let adjusted: Float64Array = rows.iter().map(|row| Some(row.adjusted_close)).collect();
    let returns: Float64Array = rows.iter().map(|row| row.total_return).collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("date", Arc::new(days) as ArrayRef, false),
        ("open", price(|row| row.bar.open), true),
        ("high", price(|row| row.bar.high), true),
        ("low", price(|row| row.bar.low), true),
        ("close", price(|row| Some(row.bar.close)), false),
        ("volume", Arc::new(volumes), true),
        ("adjusted_close", Arc::new(adjusted), false),
        ("total_return", Arc::new(returns), true),
    ])?;
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()?;
    writer.into_inner()
}
