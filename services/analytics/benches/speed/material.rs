//! What is measured on: real prices, and synthetic returns that the peers' scripts make with the same numbers.

use std::io::Read;
use std::path::Path;

use analytics::PriceTable;

/// The last 8,000 rows of a price file of the project's `data/`.
pub fn prices(file: &str) -> PriceTable {
    const ROWS: usize = 8_000;
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(file)).unwrap();
    let mut text = String::new();
    if file.ends_with(".gz") {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let last = &rows[rows.len() - ROWS..];
    let assets = rows[0][1..].iter().map(|asset| (*asset).to_owned()).collect();
    let dates = last.iter().map(|row| row[0].parse().unwrap()).collect();
    let columns =
        (1..rows[0].len()).map(|place| last.iter().map(|row| row[place].parse().unwrap()).collect()).collect();
    PriceTable::new(assets, dates, columns).unwrap()
}

/// The `i`-th uniform number of a seed, splitmix64 by counter.
fn uniform(seed: u64, i: u64) -> f64 {
    let mut z = seed.wrapping_add((i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / 2.0_f64.powi(53) + 0.5 / 2.0_f64.powi(53)
}

/// The `j`-th normal number of a seed, Box and Muller.
fn normal(seed: u64, j: u64) -> f64 {
    let (u, v) = (uniform(seed, 2 * j), uniform(seed, 2 * j + 1));
    (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos()
}

/// Daily returns of `assets` assets under five factors, a series for each asset.
pub fn synthetic_returns(days: u64, assets: u64) -> Vec<Vec<f64>> {
    const SEED: u64 = 20_240_501;
    const FACTORS: u64 = 5;
    let factors: Vec<f64> = (0..days * FACTORS).map(|j| normal(SEED + 4, j)).collect();
    let asset = |i: u64| -> Vec<f64> {
        let (mu, spread) = ((0.02 + 0.12 * uniform(SEED + 1, i)) / 252.0, 0.008 + 0.017 * uniform(SEED + 2, i));
        let loading = |k: u64| {
            let z = normal(SEED + 3, i * FACTORS + k);
            0.003 * if k == 0 { 1.0 + 0.4 * z } else { 0.5 * z }
        };
        let loadings: Vec<f64> = (0..FACTORS).map(loading).collect();
        let day = |t: u64| {
            let row = &factors[usize::try_from(t * FACTORS).unwrap()..];
            let common: f64 = loadings.iter().zip(row).map(|(b, f)| b * f).sum();
            mu + common + spread * normal(SEED + 5, t * assets + i)
        };
        (0..days).map(day).collect()
    };
    (0..assets).map(asset).collect()
}

/// `count` weight vectors of `assets` assets, uniform numbers scaled to add up to one.
pub fn weights(count: u64, assets: u64) -> Vec<Vec<f64>> {
    let one = |row: u64| {
        let drawn: Vec<f64> = (0..assets).map(|i| uniform(7, row * assets + i)).collect();
        let sum: f64 = drawn.iter().sum();
        drawn.iter().map(|u| u / sum).collect()
    };
    (0..count).map(one).collect()
}
