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


name = b"neural_hive.service_registry.ServiceRegistry"
for version in ("v1", "v1alpha"):
    services = [dict(fields(one))[1] for _, one in fields(ask(version, field(7, b"*"))[6])]
    assert services == [name], services
    [(_, raw)] = fields(ask(version, field(4, name))[4])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(raw))
    service = pool.FindServiceByName(name.decode())
    assert len(service.methods) == 8
    method = service.methods_by_name["DiscoverAgents"]
    factory = message_factory.MessageFactory(pool)
    request = factory.GetPrototype(method.input_type)(capabilities=["python"])
    request.filters["status"] = "healthy"
    call = channel.unary_unary(
        f"/{name.decode()}/DiscoverAgents",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=factory.GetPrototype(method.output_type).FromString,
    )
    assert [agent.version for agent in call(request, timeout=10).agents] == ["1.0.0"]
print("done")
