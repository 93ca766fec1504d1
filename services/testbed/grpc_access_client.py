"""A client that asks the gRPC services about a portfolio, by tokens of several people and as of then. It knows the services
only by what the server says of itself. Ends with "all is well"."""

import sys

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

port, portfolio, admin, own, other, compliance, advised, time, market, cumulative_then, cumulative_now = sys.argv[1:]
Code = grpc.StatusCode
channel = grpc.insecure_channel(f"127.0.0.1:{port}")
pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
PRICES, METRICS = "insights.prices.v1.Prices", "insights.metrics.v1.Metrics"


def call(path, secret, /, **fields):
    service, method = path.split("/")
    method = pool.FindServiceByName(service).FindMethodByName(method)
    request = message_factory.GetMessageClass(method.input_type)(**fields)
    kind = channel.unary_stream if method.server_streaming else channel.unary_unary
    stub = kind(
        f"/{path}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    return stub(request, timeout=20, metadata=[("authorization", f"Bearer {secret}")])


def refused(code, reason, field, path, secret, /, **fields):
    """Asserts that the call is refused with this code and reason, about this field where one is named."""
    try:
        answer = call(path, secret, **fields)
        answer = list(answer) if hasattr(answer, "__next__") else answer
    except grpc.RpcError as error:
        assert error.code() == code, error
        info = error_details_pb2.ErrorInfo()
        assert any(detail.Unpack(info) for detail in rpc_status.from_call(error).details), error
        assert info.reason == reason, (info, error)
        assert field is None or info.metadata["field"] == field, info
        return
    raise AssertionError(f"not refused: {answer}")


def cumulative(secret, **fields):
    answer = call(f"{METRICS}/GetMetrics", secret, portfolio=portfolio, **fields)
    return next(metric.value for metric in answer.metrics if metric.id == "cumulative")


def near(one, text):
    return abs(one - float(text)) < 1e-12


# Whose it is, and who may read all.
for secret in (admin, own, compliance):
    assert near(cumulative(secret), cumulative_now), (secret, cumulative(secret))
refused(Code.NOT_FOUND, "PORTFOLIO_UNKNOWN", None, f"{METRICS}/GetMetrics", other, portfolio=portfolio)
refused(Code.NOT_FOUND, "PORTFOLIO_UNKNOWN", None, f"{METRICS}/GetMetrics", other, portfolio=portfolio, as_of=advised)
refused(Code.UNAUTHENTICATED, "UNAUTHENTICATED", None, f"{METRICS}/GetMetrics", "x", portfolio=portfolio)

# As of then: weights and prices by an advisory position or a time, prices alone by a market position.
assert near(cumulative(own, as_of=advised), cumulative_then), cumulative(own, as_of=advised)
assert near(cumulative(own, as_of=time), cumulative_then), cumulative(own, as_of=time)
assert not near(cumulative(own, as_of=market), cumulative_then)
assert not near(cumulative(own, as_of=market), cumulative_now)
for text in ("soon", "market-999999", "advisory-999999", "advisory"):
    refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", "as_of", f"{METRICS}/GetMetrics", own, portfolio=portfolio, as_of=text)
    refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", "as_of", f"{PRICES}/GetPrices", own, asset="AAPL", as_of=text)
refused(Code.NOT_FOUND, "PORTFOLIO_UNKNOWN", None, f"{METRICS}/GetMetrics", own, portfolio=portfolio, as_of="advisory-1")
then = call(f"{PRICES}/GetPrices", own, asset="AAPL", as_of=advised)
now = call(f"{PRICES}/GetPrices", own, asset="AAPL")
assert (then.bars[-1].close, now.bars[-1].close) == (182.0, 200.0), (then, now)

# Fields that are none.
halves = [{"asset": "AAPL", "weight": 0.5}, {"asset": "MSFT", "weight": 0.5}]
for number in (5, 99, -1):
    refused(
        Code.INVALID_ARGUMENT, "INVALID_FIELD", "rebalancing", f"{METRICS}/RunBacktest", own, targets=halves, rebalancing=number
    )
for weight in (float("nan"), float("inf"), -0.5):
    odd = [{"asset": "AAPL", "weight": weight}, {"asset": "MSFT", "weight": 0.5}]
    refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", "targets", f"{METRICS}/RunBacktest", own, targets=odd)
for rate in (float("nan"), 2.0, -0.6):
    refused(
        Code.INVALID_ARGUMENT, "INVALID_FIELD", "risk_free_rate", f"{METRICS}/GetMetrics", own, asset="AAPL", risk_free_rate=rate
    )
for points in (1, 101, 4_000_000_000):
    refused(
        Code.INVALID_ARGUMENT, "INVALID_FIELD", "points", f"{METRICS}/GetFrontier", own, assets=["AAPL", "MSFT"], points=points
    )
for after in ("market-999999", "advisory-1", "soon"):
    refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", "after", f"{PRICES}/WatchPrices", own, assets=["AAPL"], after=after)

# Who watches hears of everything that concerns the asset, its end among it; and is told where there is no such asset.
refused(Code.NOT_FOUND, "ASSET_UNKNOWN", None, f"{PRICES}/WatchPrices", own, assets=["AAPL", "NONE"])
watching = call(f"{PRICES}/WatchPrices", own, assets=["AAPL"], after="market-0")
heard = []
for news in watching:
    heard.append(news.WhichOneof("change"))
    if heard[-1] == "delisted":
        assert (news.delisted.date, news.delisted.reason) == ("2024-02-01", "taken over"), news
        break
    if heard[-1] == "withdrawn":
        assert (news.withdrawn.date, news.withdrawn.amount) == ("2024-01-04", 0.5), news
assert heard == ["priced", "corrected", "action", "withdrawn", "delisted"], heard
watching.cancel()
print("all is well")
