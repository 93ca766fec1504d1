"""Makes the answers of this folder, in the form in which Yahoo's chart API gives them, and what they mean. The numbers are made
up here; only the form is Yahoo's. Adjusted closes are reckoned from the exact numbers, before they lose digits.

    python3 make.py
"""

import datetime
import gzip
import json
import pathlib
import struct
import zoneinfo
from fractions import Fraction

HERE = pathlib.Path(__file__).parent
HEAD = ["symbol", "date", "open", "high", "low", "close", "adj_close", "volume"]


def single(number):
    """The number as Yahoo gives it: a float of 32 bits, widened."""
    return struct.unpack("f", struct.pack("f", float(number)))[0]


def weekdays(first, count):
    day = first
    while count > 0:
        if day.weekday() < 5:
            yield day
            count -= 1
        day += datetime.timedelta(days=1)


def walk(seed, cents, count):
    """A random walk in hundredths, always the same for a seed."""
    state = seed
    for _ in range(count):
        rows = []
        for _ in range(4):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            rows.append((state >> 33) % 1000)
        before, cents = cents, max(200, cents + (rows[0] - 495) * cents // 20000)
        high, low = max(before, cents) + rows[1] * cents // 100000, min(before, cents) - rows[2] * cents // 100000
        yield Fraction(before, 100), Fraction(high, 100), Fraction(low, 100), Fraction(cents, 100), 1000 * rows[3]


def write(name, body, status=200):
    text = json.dumps({"request": {"url": "made by make.py"}, "response": {"status": status, "bodyJson": body}}, indent=1)
    if name.endswith(".gz"):
        with open(HERE / name, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
            packed.write(text.encode())
    else:
        (HERE / name).write_text(text + "\n")


def answer(name, expected, *, symbol, currency, zone, opens, first, count, seed, dividends=(), gains=(), splits=(), kind="EQUITY"):
    """One answer, and its rows in the currency's major unit."""
    zone = zoneinfo.ZoneInfo(zone)
    days = list(weekdays(first, count))
    stamps = [int(datetime.datetime.combine(day, opens, zone).timestamp()) for day in days]
    rows = list(walk(seed, 10_000, count))
    paid = {}
    for place, amount in list(dividends) + list(gains):
        paid[place] = paid.get(place, 0) + Fraction(amount)
    adjusted, factor = [None] * count, Fraction(1)
    for place in reversed(range(count)):
        adjusted[place] = rows[place][3] * factor
        if place in paid:
            factor *= 1 - paid[place] / rows[place - 1][3]
    holiday = 7  # a row of nothing
    cells = lambda column: [None if place == holiday else single(row[column]) for place, row in enumerate(rows)]
    quote = {field: cells(column) for column, field in enumerate(["open", "high", "low", "close"])}
    quote["volume"] = [None if place == holiday else row[4] for place, row in enumerate(rows)]
    closes = [None if place == holiday else single(close) for place, close in enumerate(adjusted)]
    cash = lambda list_of: {
        str(stamps[place]): {"amount": float(Fraction(amount)), "date": stamps[place]} for place, amount in list_of
    }
    events = {"dividends": cash(dividends), "capitalGains": cash(gains)}
    events["splits"] = {
        str(stamps[place]): {"date": stamps[place], "numerator": new, "denominator": old, "splitRatio": f"{new}:{old}"}
        for place, new, old in splits
    }
    meta = {"symbol": symbol, "currency": currency, "exchangeTimezoneName": zone.key, "dataGranularity": "1d"}
    meta |= {"instrumentType": kind, "longName": f"{symbol} made up", "exchangeName": "XXX"}
    payload = {"meta": meta, "timestamp": stamps, "events": {name: some for name, some in events.items() if some}}
    payload["indicators"] = {"quote": [quote], "adjclose": [{"adjclose": closes}]}
    write(name, {"chart": {"result": [payload], "error": None}})
    hundredths = {"GBp", "ZAc", "ILA"}
    unit = 100 if currency in hundredths else 1
    for place, (day, row) in enumerate(zip(days, rows)):
        if place != holiday:
            prices = [float(value / unit) for value in row[:4]]
            expected.append([symbol, day, *prices, float(adjusted[place] / unit), row[4]])


def main():
    expected = []
    nine, eight = datetime.time(9, 30), datetime.time(8, 0)
    answer("chart_MADE_three_years.json.gz", expected, symbol="MADE", currency="USD", zone="America/New_York", opens=nine,
           first=datetime.date(2021, 1, 4), count=780, seed=1, splits=[(300, 4, 1), (500, 3, 2)],
           dividends=[(place, "0.225") for place in range(40, 780, 63)])
    answer("chart_MADE.L_pence.json", expected, symbol="MADE.L", currency="GBp", zone="Europe/London", opens=eight,
           first=datetime.date(2023, 3, 20), count=60, seed=2, dividends=[(20, "1.75"), (50, "2.5")])
    answer("chart_MADEX_fund.json", expected, symbol="MADEX", currency="EUR", zone="Europe/Berlin", opens=nine, kind="MUTUALFUND",
           first=datetime.date(2022, 10, 3), count=60, seed=3, dividends=[(30, "0.4")], gains=[(30, "1.1"), (45, "0.3")])
    with open(HERE / "expected_parsed_long.csv.gz", "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
        lines = [HEAD] + expected
        packed.write("".join(",".join(map(str, line)) + "\n" for line in lines).encode())
    meta = {"symbol": "NONE", "currency": "USD", "exchangeTimezoneName": "UTC", "dataGranularity": "1d"}
    empty = {"meta": meta, "indicators": {"quote": [{}]}}
    write("chart_NONE_empty.json", {"chart": {"result": [empty], "error": None}})
    undated = {"meta": meta, "indicators": {"quote": [{"close": [1.5, 2.5]}]}}
    write("chart_NONE_undated.json", {"chart": {"result": [undated], "error": None}})
    write("chart_NONE_minutes.json", {"chart": {"result": [empty | {"meta": meta | {"dataGranularity": "1m"}}], "error": None}})


main()
