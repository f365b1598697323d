# Learns the service from the server alone, as grpcurl does, and calls it.
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

address = sys.argv[1]
channel = grpc.insecure_channel(address)


def field(number, payload):
    return bytes([number << 3 | 2, len(payload)]) + payload


def fields(data):
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 2:
            size = varint()
            yield tag >> 3, data[at : at + size]
            at += size
        else:
            yield tag >> 3, varint()


def ask(version, request):
    method = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
    return dict(fields(next(iter(method(iter([request]), timeout=10)))))


def described(version, name):
    """What the server says that a service is, as classes that speak for it."""
    [(_, raw)] = fields(ask(version, field(4, name.encode()))[4])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(raw))
    return pool.FindServiceByName(name), message_factory.MessageFactory(pool)


def call(service, factory, name, fill):
    method = service.methods_by_name[name]
    request = factory.GetPrototype(method.input_type)()
    fill(request)
    return channel.unary_unary(
        f"/{service.full_name}/{name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=factory.GetPrototype(method.output_type).FromString,
    )(request, timeout=10)


def wanted(request):
    request.capabilities.append("python")
    request.filters["status"] = "healthy"


agents = "neural_hive.service_registry.ServiceRegistry"
own = "switchgear.v1.Registry"
for version in ("v1", "v1alpha"):
    services = [dict(fields(one))[1].decode() for _, one in fields(ask(version, field(7, b"*"))[6])]
    assert sorted(services) == [agents, own], services
    service, factory = described(version, agents)
    assert len(service.methods) == 8
    found = call(service, factory, "DiscoverAgents", wanted).agents
    assert [agent.version for agent in found] == ["1.0.0"]
    service, factory = described(version, own)
    assert len(service.methods) == 9
    ids = [found[0].agent_id, "nobody"]
    beats = call(service, factory, "Heartbeats", lambda request: [request.heartbeats.add(id=one) for one in ids])
    assert [(one.id, one.code) for one in beats.results] == [(ids[0], 0), ("nobody", 5)], beats
print("done")
