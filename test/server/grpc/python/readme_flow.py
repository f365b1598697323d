# What a program does that was written against the registry's own README: stubs made from the .proto, and nothing of ours.
import os
import sys
import tempfile

import grpc
from grpc_tools import protoc

address, protos = sys.argv[1:]
place = tempfile.TemporaryDirectory()
made = protoc.main(
    ["", f"-I{protos}", f"--python_out={place.name}", f"--grpc_python_out={place.name}", "service_registry.proto"]
)
assert made == 0, made
sys.path.insert(0, place.name)
import service_registry_pb2 as pb
import service_registry_pb2_grpc as pb_grpc

channel = grpc.insecure_channel(address)
stub = pb_grpc.ServiceRegistryStub(channel)

registered = stub.Register(
    pb.RegisterRequest(
        agent_type=pb.WORKER,
        capabilities=["python", "terraform"],
        metadata={"endpoint": "worker-1:8000"},
        namespace="default",
        cluster="local",
        version="1.0.0",
    ),
    timeout=10,
)
assert registered.agent_id and registered.registration_token
watched = stub.WatchAgents(pb.WatchAgentsRequest(agent_type=pb.WORKER), metadata=[("x-switchgear-snapshot", "true")])
first = next(watched)
assert first.event_type == pb.AgentChangeEvent.REGISTERED and first.agent.agent_id == registered.agent_id

telemetry = pb.AgentTelemetry(success_rate=0.95, avg_duration_ms=150, total_executions=100)
beat = stub.Heartbeat(pb.HeartbeatRequest(agent_id=registered.agent_id, telemetry=telemetry), timeout=10)
assert beat.status == pb.HEALTHY, beat
assert next(watched).event_type == pb.AgentChangeEvent.UPDATED
watched.cancel()

found = stub.DiscoverAgents(
    pb.DiscoverRequest(capabilities=["python"], filters={"status": "healthy"}, max_results=5), timeout=10
)
[agent] = found.agents
assert agent.agent_id == registered.agent_id and found.ranked
assert agent.metadata["endpoint"] == "worker-1:8000", agent
assert abs(agent.telemetry.success_rate - 0.95) < 1e-9

try:
    stub.Register(pb.RegisterRequest(agent_type=0, capabilities=["x"]), timeout=10)
    raise AssertionError("an agent without a type was registered")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error

assert stub.GetAgent(pb.GetAgentRequest(agent_id=agent.agent_id), timeout=10).agent == agent
assert len(stub.ListAgents(pb.ListAgentsRequest(agent_type=pb.WORKER), timeout=10).agents) == 1
assert not stub.NotifyAgent(pb.NotifyAgentRequest(agent_id="0" * 8 + "-0000-4000-8000-" + "0" * 12), timeout=10).success
assert stub.Deregister(pb.DeregisterRequest(agent_id=agent.agent_id), timeout=10).success
channel.close()
print("done")
