"""Runs the benches and their Python peers in one go and prints how many times as fast ours are. Names of benches select."""

import json
import os
import subprocess
import sys
from pathlib import Path

from peers import PEERS

ROOT = Path(__file__).resolve().parents[3]


def target_directory():
    metadata = subprocess.check_output(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT)
    return Path(json.loads(metadata)["target_directory"])


def median_seconds(bench):
    estimates = target_directory() / "criterion" / bench / "new" / "estimates.json"
    return json.loads(estimates.read_text())["median"]["point_estimate"] * 1e-9


wanted = set(sys.argv[1:])
subprocess.check_call(["cargo", "bench", "-p", "analytics", "--bench", "speed"], cwd=ROOT)
print(f"load {os.getloadavg()[0]:.1f}\n")
print("| bench | ours s | peer | peer s | ratio | asked |\n|---|---|---|---|---|---|")
short = []
for bench, peer, measure, asked in PEERS:
    if wanted and bench not in wanted:
        continue
    ours, theirs = median_seconds(bench), measure()
    print(f"| {bench} | {ours:.3g} | {peer} | {theirs:.3g} | {theirs / ours:.3g} | {asked} |", flush=True)
    if theirs / ours < asked:
        short.append(f"{bench} against {peer}")
sys.exit(f"too slow: {', '.join(short)}" if short else 0)
