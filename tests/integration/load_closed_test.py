"""If the server closes a client, the report names code and reason, and the verdict is not starved."""

from load_testing import Run, check, fake_server

WHY = [{"clients": 1, "code": 1008, "reason": "too many messages a second"}]


def run_against(fault, *flags, duration="2s", timeout="500ms"):
    with fake_server(fault) as (port, _):
        return Run(port, "--clients", "5", "--duration", duration, "--timeout", timeout, *flags)


for fault in ("kick", "kick-reset"):
    run = run_against(fault)
    r = run.report
    check(f"{fault}: the only sender is closed, but the server is alive", r["verdict"] == "alive" and not r["starved"], run)
    check("  the report names code and reason", r["closed_by_server"] == WHY and "1008 too many messages a second" in run.out, run)
    check("  the exit code is 5", run.code == 5 and r["connections_ended"] == 1, run)
    check("  no message is reported as lost", r["lost"] == 0 and r["not_awaited"] == 5 and "lost" not in run.out, run)
    check("  the run ends early, because no sender is left", run.seconds < 1.5, run)
    check("  a message that the server did not accept does not count in the latencies", r["latency_us"]["max"] < 400_000, run)

run = run_against("kick", "--expect", "starved")
check("a closed sender does not satisfy --expect starved: exit 4", run.code == 4, run)
run = run_against("kick", "--senders", "5", "--rate", "500")
check("with other senders the run continues", run.report["sent"] > 500 and run.report["closed_by_server"] == WHY, run)
check("  alive, exit 5", run.code == 5 and run.report["verdict"] == "alive" and run.report["lost"] == 0, run)
run = run_against("kick-late")
check("an acknowledged message that never arrives means starved, even if a client was closed", run.code == 6, run)
run = run_against("kick-reader")
check("a client that only reads is closed: alive, exit 5", run.code == 5 and run.report["closed_by_server"] == WHY, run)
check("  and nothing is lost", run.report["lost"] == 0 and run.report["sent"] > 10, run)
run = run_against("close")
check("all clients are closed: gone, exit 1", run.code == 1 and run.report["verdict"] == "gone", run)
check("  the reason is listed once", run.report["closed_by_server"] == [{"clients": 5, "code": 1001, "reason": "bye"}], run)
run = run_against("reset")
check("all connections are reset: gone, and no client counts as closed by the server",
      run.code == 1 and run.report["closed_by_server"] == [] and run.report["connections_ended"] == 5, run)

run = run_against("slow", "--rate", "500", duration="300ms", timeout="200ms")
r = run.report
check("messages that had not arrived when chat-load stopped waiting are pending, not lost",
      r["lost"] == 0 and r["not_awaited"] > 0 and r["delivered"] + r["not_awaited"] == r["expected"], run)
check("  and that is not a failure", run.code == 0 and r["verdict"] == "alive", run)
run = run_against("starve")
check("messages that a starved server holds back are not reported as lost",
      run.code == 6 and run.report["lost"] == 0 and run.report["not_awaited"] == 5, run)

run = run_against("slow", "--rate", "0.1", "--warmup", "200ms", "--max-p99", "1s", duration="200ms")
check("a limit without a sample counts as missed: exit 5", run.code == 5 and "nothing was measured" in run.out, run)
check("  and the report invents no values", run.report["latency_us"] == run.report["latency_from_send_us"]
      == {"count": 0, "p50": None, "p90": None, "p99": None, "p999": None, "max": None} and "0 ns" not in run.out, run)
