"""A client of the gRPC services, generated from the proto files here and now. Ends with "all is well"."""

import importlib
import pathlib
import sys

import grpc
from grpc_tools import protoc

protos, out, address, token = sys.argv[1:]
files = [str(path) for path in pathlib.Path(protos).rglob("*.proto")]
built = protoc.main(["protoc", f"-I{protos}", f"--python_out={out}", f"--grpc_python_out={out}", *files])
assert built == 0, built
sys.path.insert(0, out)
prices_pb = importlib.import_module("insights.prices.v1.prices_pb2")
prices_rpc = importlib.import_module("insights.prices.v1.prices_pb2_grpc")
metrics_pb = importlib.import_module("insights.metrics.v1.metrics_pb2")
metrics_rpc = importlib.import_module("insights.metrics.v1.metrics_pb2_grpc")

channel = grpc.insecure_channel(address)
prices, metrics = prices_rpc.PricesStub(channel), metrics_rpc.MetricsStub(channel)
good = [("authorization", f"Bearer {token}")]


def refused(call, code):
    """The trailing details of a call that has to be refused with this code."""
    try:
        answer = call()
        answer = list(answer) if hasattr(answer, "__next__") else answer
    except grpc.RpcError as error:
        assert error.code() == code, error
        return dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    raise AssertionError(f"not refused: {answer}")


ask = prices_pb.GetPricesRequest
answer = prices.GetPrices(ask(asset="ABC"), metadata=good)
assert len(answer.bars) == 300 and answer.currency == "USD", answer
assert answer.basis == prices_pb.PRICE_BASIS_ADJUSTED and answer.position.startswith("market-")
assert answer.bars[0].close == 100.0 and not answer.bars[0].HasField("open")
window = prices.GetPrices(ask(asset="ABC", **{"from": "2023-01-03"}, to="2023-01-05"), metadata=good)
assert [bar.date for bar in window.bars] == ["2023-01-03", "2023-01-04", "2023-01-05"]

details = refused(lambda: prices.GetPrices(ask(asset="NONE"), metadata=good), grpc.StatusCode.NOT_FOUND)
assert b"ASSET_UNKNOWN" in details, details
details = refused(lambda: prices.GetPrices(ask(asset="a b"), metadata=good), grpc.StatusCode.INVALID_ARGUMENT)
assert b"INVALID_FIELD" in details, details
empty = ask(asset="ABC", to="1999-01-01")
details = refused(lambda: prices.GetPrices(empty, metadata=good), grpc.StatusCode.FAILED_PRECONDITION)
assert b"NO_PRICES" in details, details
refused(lambda: prices.GetPrices(ask(asset="ABC")), grpc.StatusCode.UNAUTHENTICATED)
refused(lambda: prices.GetPrices(ask(asset="ABC"), metadata=[("authorization", "Bearer x")]), grpc.StatusCode.UNAUTHENTICATED)

watching = prices.WatchPrices(prices_pb.WatchPricesRequest(assets=["XYZ"], after="market-0"), metadata=good, timeout=20)
first = next(watching)
assert first.asset == "XYZ" and len(first.priced.bars) == 300, first
watching.cancel()

figures = metrics.GetMetrics(metrics_pb.GetMetricsRequest(asset="ABC", since="2023-02-01"), metadata=good)
by_id = {metric.id: metric for metric in figures.metrics}
assert figures.start == "2023-02-01" and by_id["volatility"].value > 0, figures
assert all(metric.HasField("value") or metric.reason for metric in figures.metrics)
refused(
    lambda: metrics.GetMetrics(metrics_pb.GetMetricsRequest(), metadata=good), grpc.StatusCode.INVALID_ARGUMENT
)
curve = metrics.GetFrontier(metrics_pb.GetFrontierRequest(assets=["ABC", "XYZ"], points=5), metadata=good)
assert len(curve.points) == 5 and abs(sum(curve.points[0].weights) - 1) < 1e-9, curve
targets = [metrics_pb.Target(asset="ABC", weight=0.5), metrics_pb.Target(asset="XYZ", weight=0.5)]
steps = list(metrics.RunBacktest(metrics_pb.RunBacktestRequest(targets=targets), metadata=good))
assert steps[0].progress.done == 0 and steps[-1].outcome.values[0] == 1.0 and len(steps) == 5, steps
print("all is well")
