"""Peers of the benches: the same work, written for NumPy or done by a library. `measure()` gives seconds of processor time."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")

DATA = Path(__file__).resolve().parents[3] / "data"
ROWS = 8_000
YEAR = 252
COST = 0.001


def prices(file):
    return pd.read_csv(DATA / file, index_col=0, parse_dates=True).iloc[-ROWS:]


def measure(work, repeats=11):
    """Median processor time of `work`, after one call that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


# The generator of the benches, `benches/speed/material.rs`.

def uniform(seed, count):
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(11)).astype(float) + 0.5) / 2.0**53


def normal(seed, count):
    u = uniform(seed, 2 * count)
    return np.sqrt(-2 * np.log(u[0::2])) * np.cos(2 * np.pi * u[1::2])


def synthetic_returns(days, assets, seed=20240501, factors=5):
    mu = (0.02 + 0.12 * uniform(seed + 1, assets)) / YEAR
    spread = 0.008 + 0.017 * uniform(seed + 2, assets)
    z = normal(seed + 3, assets * factors).reshape(assets, factors)
    loadings = 0.5 * z
    loadings[:, 0] = 1 + 0.4 * z[:, 0]
    common = normal(seed + 4, days * factors).reshape(days, factors) @ (0.003 * loadings).T
    return mu + common + spread * normal(seed + 5, days * assets).reshape(days, assets)


def figures_numpy():
    P, B = prices("sp500_20_adjclose.csv.gz").to_numpy(), prices("sp500_index.csv")["SP500"].to_numpy()
    w = np.full(20, 0.05)
    rf, z95, phi95 = 1.05 ** (1 / YEAR) - 1, -1.6448536269514729, 0.10313564037537139

    def work():
        r, b = (P[1:] / P[:-1] - 1) @ w, B[1:] / B[:-1] - 1
        n, m, sd = len(r), r.mean(), r.std(ddof=1)
        wealth = np.empty(n + 1)
        wealth[0] = 1
        np.cumprod(1 + r, out=wealth[1:])
        down = wealth / np.maximum.accumulate(wealth) - 1
        valley, s = down.argmin(), np.sort(r)

        def quantile(q):
            at = (n - 1) * q
            low = int(at)
            return s[low] + (at - low) * (s[min(low + 1, n - 1)] - s[low])

        q95, q99 = quantile(0.05), quantile(0.01)
        cagr = wealth[-1] ** (YEAR / n) - 1
        d, db, active, e = r - m, b - b.mean(), r - b, r - rf
        cov, vb, vr = (d * db).sum(), (db**2).sum(), (d**2).sum()
        beta = cov / vb
        return dict(
            cumulative=wealth[-1] - 1, cagr=cagr, volatility=sd * YEAR**0.5, sharpe=m / sd * YEAR**0.5,
            sharpe5=e.mean() / sd * YEAR**0.5, sortino=m / np.sqrt((np.minimum(r, 0) ** 2).mean()) * YEAR**0.5,
            sortino5=e.mean() / np.sqrt((np.minimum(e, 0) ** 2).mean()) * YEAR**0.5, drawdown=down[valley],
            peak=wealth[: valley + 1].argmax(), calmar=cagr / -down[valley], omega=r[r > 0].sum() / -r[r < 0].sum(),
            var95=q95, var99=q99, cvar95=s[s <= q95].mean(), cvar99=s[s <= q99].mean(), gauss95=m + z95 * sd,
            cgauss95=m - sd * phi95 / 0.05, skew=n / ((n - 1) * (n - 2)) * (d**3).sum() / sd**3,
            kurtosis=(d**4).mean() / (vr / n) ** 2 - 3, ulcer=np.sqrt((down[1:] ** 2).sum() / (n - 1)), best=s[-1], worst=s[0],
            win=(r > 0).sum() / (r != 0).sum(), tail=abs(quantile(0.95)) / abs(q95), beta=beta,
            alpha=(m - beta * b.mean()) * YEAR, r2=cov**2 / vr / vb, te=active.std(ddof=1) * YEAR**0.5,
            ir=active.mean() / active.std(ddof=1),
        )

    return measure(work, 51)


def figures_quantstats():
    import quantstats.stats as qs
    import quantstats.utils

    P, B = prices("sp500_20_adjclose.csv.gz"), prices("sp500_index.csv")["SP500"]

    def work():
        quantstats.utils._PREPARE_RETURNS_CACHE.clear()
        r, b = (P.pct_change().iloc[1:] * 0.05).sum(axis=1), B.pct_change().iloc[1:]
        alone = (qs.comp, qs.cagr, qs.volatility, qs.sharpe, qs.sortino, qs.max_drawdown, qs.calmar, qs.omega, qs.value_at_risk)
        alone += (qs.conditional_value_at_risk, qs.skew, qs.kurtosis, qs.ulcer_index, qs.best, qs.worst, qs.win_rate, qs.tail_ratio)
        beside = (qs.greeks, qs.r_squared, qs.information_ratio, qs.treynor_ratio)
        more = [qs.sharpe(r, rf=0.05), qs.sortino(r, rf=0.05), qs.value_at_risk(r, confidence=0.99)]
        return [figure(r) for figure in alone] + [figure(r, b) for figure in beside] + more

    return measure(work)


def frontier_cla():
    from pypfopt import CLA

    R = prices("sp500_20_adjclose.csv.gz").pct_change().iloc[1:]
    mu, S = R.mean() * YEAR, R.cov() * YEAR
    return measure(lambda: CLA(mu, S, weight_bounds=(0, 0.2)).efficient_frontier(points=50))


def frontier_clarabel(cap=0.05, points=50):
    import clarabel
    import scipy.sparse as sp

    R = synthetic_returns(1_500, 500)
    n, mu, S = 500, R.mean(0) * YEAR, np.cov(R.T) * YEAR
    P, eye = sp.triu(sp.csc_matrix(S)).tocsc(), sp.identity(n, format="csc")
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-9

    def solve(equal, sums):
        A = sp.vstack([sp.csc_matrix(equal), -eye, eye]).tocsc()
        b = np.r_[sums, np.zeros(n), np.full(n, cap)]
        cones = [clarabel.ZeroConeT(len(sums)), clarabel.NonnegativeConeT(2 * n)]
        return np.array(clarabel.DefaultSolver(P, np.zeros(n), A, b, cones, settings).solve().x)

    def work():
        calm = solve(np.ones((1, n)), [1.0])
        most = np.sort(mu)[-20:].sum() * cap
        for target in np.linspace(mu @ calm, most, points)[1:]:
            solve(np.vstack([np.ones(n), mu]), [1.0, min(target, most - 1e-9)])

    return measure(work, 1)


def backtest_numpy(count):
    table = prices("sp500_20_adjclose.csv.gz")
    P, months = table.to_numpy(), table.index.to_period("M")
    starts = np.flatnonzero(np.r_[True, months[1:] != months[:-1]])
    drawn = uniform(7, count * 20).reshape(count, 20)
    W = drawn / drawn.sum(1, keepdims=True) if count > 1 else np.full((1, 20), 0.05)

    def work():
        V, H, equity = np.ones(count), np.zeros((count, 20)), np.empty((len(P), count))
        for start, end in zip(starts, np.r_[starts[1:], len(P)]):
            after = V.copy()
            for _ in range(12):
                after = V - COST * np.abs(W * after[:, None] - H).sum(1)
            last = min(end, len(P) - 1)
            growth = P[start : last + 1] / P[start]
            values = (growth @ W.T) * after
            equity[start:end] = values[: end - start]
            V, H = values[-1], W * after[:, None] * growth[-1]
        return equity

    return measure(work, 21 if count == 1 else 5)


def backtest_vectorbt(count=50, of=1_000):
    import vectorbt as vbt

    table = prices("sp500_20_adjclose.csv.gz")
    P, months = table.to_numpy(), table.index.to_period("M")
    starts = np.r_[True, months[1:] != months[:-1]]
    drawn = uniform(7, count * 20).reshape(count, 20)
    W = drawn / drawn.sum(1, keepdims=True)
    columns = pd.MultiIndex.from_product([range(count), table.columns])
    close = pd.DataFrame(np.tile(P, (1, count)), table.index, columns)
    size = np.full(close.shape, np.nan)
    size[starts] = W.reshape(-1)

    def work():
        grouped = dict(group_by=np.repeat(np.arange(count), 20), cash_sharing=True, call_seq="auto")
        portfolio = vbt.Portfolio.from_orders(close, size=size, size_type="targetpercent", fees=COST, init_cash=1e6, freq="1D", **grouped)
        return portfolio.value().to_numpy()

    return measure(work, 3) * of / count


def covariance_numpy():
    R = np.ascontiguousarray(synthetic_returns(5_000, 500))
    S = np.cov(R, rowvar=False)
    print(f"S00 {S[0, 0]:e} S01 {S[0, 1]:e}")
    return measure(lambda: np.cov(R, rowvar=False))


# Bench, peer, how it is measured, and how many times as fast the bench has to be.
PEERS = [
    ("figures_20x8000", "NumPy by hand", figures_numpy, 4),
    ("figures_20x8000", "QuantStats", figures_quantstats, 40),
    ("frontier_20", "PyPortfolioOpt CLA", frontier_cla, 10),
    ("frontier_500", "Clarabel", frontier_clarabel, 10),
    ("backtest_single", "NumPy by hand", lambda: backtest_numpy(1), 10),
    ("backtest_many/1000", "NumPy, vectorised", lambda: backtest_numpy(1_000), 3),
    ("backtest_many/1000", "vectorbt, 50 scaled", backtest_vectorbt, 200),
    ("cov_500x5000", "OpenBLAS (NumPy)", covariance_numpy, 0.9),
]
