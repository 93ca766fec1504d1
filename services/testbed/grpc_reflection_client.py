"""A client that knows the gRPC services by nothing but what the server says of itself, as grpcurl does. It speaks TLS,
asks for everything, and for much that is refused. It says "watching" once it waits for news, and ends with "all is well"."""

import sys
import time

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

port, token, authority, stranger = sys.argv[1:]
Code = grpc.StatusCode
PATIENCE_S = 20
WATCHERS_MAX = 64


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def connect(root, name="localhost"):
    # A connection of its own, which no other channel shares.
    own = ("grpc.use_local_subchannel_pool", 1)
    return grpc.secure_channel(f"{name}:{port}", grpc.ssl_channel_credentials(contents(root)), [own])


class Server:
    """The services, as the server describes them."""

    def __init__(self, channel):
        self.channel = channel
        self.described = ProtoReflectionDescriptorDatabase(channel)
        self.pool = descriptor_pool.DescriptorPool(self.described)

    def call(self, path, /, timeout=PATIENCE_S, secret=token, **fields):
        service, method = path.split("/")
        method = self.pool.FindServiceByName(service).FindMethodByName(method)
        request = message_factory.GetMessageClass(method.input_type)(**fields)
        kind = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        stub = kind(
            f"/{path}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
        )
        metadata = [("authorization", f"Bearer {secret}")] if secret else []
        return stub(request, timeout=timeout, metadata=metadata)


def refused(code, reason, call):
    """The error's own details, of a call that has to be refused with this code and this reason."""
    try:
        answer = call()
        answer = list(answer) if hasattr(answer, "__next__") else answer
    except grpc.RpcError as error:
        assert error.code() == code, error
        status = rpc_status.from_call(error)
        assert status is not None and status.code == code.value[0] and status.message == error.details(), error
        info, violated = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        unpacked = {type(detail) for each in status.details for detail in (info, violated) if each.Unpack(detail)}
        assert error_details_pb2.ErrorInfo in unpacked, status
        assert (info.reason, info.domain) == (reason, "insights"), status
        return info, violated
    raise AssertionError(f"not refused: {answer}")


def cannot_connect(channel):
    """Whether not even the first question gets through."""
    try:
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    except grpc.RpcError as error:
        return error.code() == Code.UNAVAILABLE
    return False


# Who vouches for the server is looked at, and without TLS nothing is said.
assert cannot_connect(connect(stranger)), "a server that a stranger vouches for"
assert cannot_connect(grpc.insecure_channel(f"localhost:{port}")), "a connection without TLS"
channel = connect(authority)

PRICES, METRICS = "insights.prices.v1.Prices", "insights.metrics.v1.Metrics"
health = health_pb2_grpc.HealthStub(channel)
for service in ("", PRICES, METRICS):
    answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE_S)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING, (service, answer)
try:
    health.Check(health_pb2.HealthCheckRequest(service="insights.none.v1.None"), timeout=PATIENCE_S)
    raise AssertionError("a service that is not there is healthy")
except grpc.RpcError as error:
    assert error.code() == Code.NOT_FOUND, error

server = Server(channel)
assert {PRICES, METRICS, "grpc.health.v1.Health"} <= set(server.described.get_services())

# Prices and figures.
answer = server.call(f"{PRICES}/GetPrices", asset="ABC")
assert len(answer.bars) == 300 and answer.currency == "USD" and answer.bars[0].close == 100.0, answer
figures = server.call(f"{METRICS}/GetMetrics", asset="ABC", since="2023-02-01")
assert {metric.id for metric in figures.metrics} >= {"volatility", "sharpe", "max_drawdown"}, figures
assert all(metric.HasField("value") or metric.reason for metric in figures.metrics), figures
curve = server.call(f"{METRICS}/GetFrontier", assets=["ABC", "XYZ"], points=5)
assert len(curve.points) == 5, curve
halves = [{"asset": "ABC", "weight": 0.5}, {"asset": "XYZ", "weight": 0.5}]
steps = list(server.call(f"{METRICS}/RunBacktest", targets=halves))
done = [(step.progress.done, step.progress.total) for step in steps[:-1]]
assert done == [(0, 3), (1, 3), (2, 3), (3, 3)] and len(steps[-1].outcome.values) == 300, steps

# Errors: a status with details, never an empty answer.
refused(Code.UNAUTHENTICATED, "UNAUTHENTICATED", lambda: server.call(f"{PRICES}/GetPrices", asset="ABC", secret=None))
refused(Code.UNAUTHENTICATED, "UNAUTHENTICATED", lambda: server.call(f"{PRICES}/GetPrices", asset="ABC", secret="x"))
refused(Code.UNAUTHENTICATED, "UNAUTHENTICATED", lambda: server.call(f"{PRICES}/WatchPrices", secret="x"))
refused(Code.UNAUTHENTICATED, "UNAUTHENTICATED", lambda: server.call(f"{METRICS}/RunBacktest", secret=None))
refused(Code.NOT_FOUND, "ASSET_UNKNOWN", lambda: server.call(f"{PRICES}/GetPrices", asset="NONE"))
refused(Code.FAILED_PRECONDITION, "NO_PRICES", lambda: server.call(f"{PRICES}/GetPrices", asset="ABC", to="1999-01-01"))
info, violated = refused(
    Code.INVALID_ARGUMENT, "INVALID_FIELD", lambda: server.call(f"{PRICES}/GetPrices", asset="ABC", to="soon")
)
assert info.metadata["field"] == "to" and [one.field for one in violated.field_violations] == ["to"], (info, violated)
nobody = "132e374d-2bfb-5564-814d-e201e6e41209"
refused(Code.NOT_FOUND, "PORTFOLIO_UNKNOWN", lambda: server.call(f"{METRICS}/GetMetrics", portfolio=nobody))
mixed = [{"asset": "ABC", "weight": 0.5}, {"asset": "LON", "weight": 0.5}]
refused(
    Code.FAILED_PRECONDITION, "PRICES_IN_OTHER_CURRENCY", lambda: server.call(f"{METRICS}/RunBacktest", targets=mixed)
)
heavy = [{"asset": "ABC", "weight": 0.5}, {"asset": "XYZ", "weight": 0.6}]
refused(Code.INVALID_ARGUMENT, "INVALID_FIELD", lambda: server.call(f"{METRICS}/RunBacktest", targets=heavy))

# What becomes known is told as it becomes known.
watching = server.call(f"{PRICES}/WatchPrices", assets=["ABC"])
watching.initial_metadata()
print("watching", flush=True)
news = next(watching)
assert news.asset == "ABC" and [bar.close for bar in news.priced.bars] == [123.5], news
watching.cancel()

# A deadline is kept, by the caller and by the server, whose places are free again afterwards.
began = time.monotonic()
try:
    list(server.call(f"{PRICES}/WatchPrices", timeout=0.5))
    raise AssertionError("it ended by itself")
except grpc.RpcError as error:
    assert error.code() == Code.DEADLINE_EXCEEDED, error
assert time.monotonic() - began < 5


def watch(asked):
    call = asked.call(f"{PRICES}/WatchPrices")
    call.initial_metadata()
    return call


calls = [watch(server) for _ in range(WATCHERS_MAX // 2)]
another = Server(connect(authority, "127.0.0.1"))
calls += [watch(another) for _ in range(WATCHERS_MAX // 2)]
refused(Code.RESOURCE_EXHAUSTED, "TOO_MANY_WATCHERS", lambda: another.call(f"{PRICES}/WatchPrices"))
for call in calls:
    call.cancel()
deadline = time.monotonic() + PATIENCE_S
while True:
    try:
        # A place that is free is taken without a word; one that is not is refused at once.
        list(another.call(f"{PRICES}/WatchPrices", timeout=0.3))
    except grpc.RpcError as error:
        if error.code() == Code.DEADLINE_EXCEEDED:
            break
        assert error.code() == Code.RESOURCE_EXHAUSTED, error
    assert time.monotonic() < deadline, "callers who hung up keep their places"
print("all is well")
