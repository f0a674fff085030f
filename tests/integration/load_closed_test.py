"""A client that the server closes is named with code and reason, and makes nobody starved."""

from load_testing import Run, check, fake_server

WHY = [{"clients": 1, "code": 1008, "reason": "too many messages a second"}]


def run_against(fault, *flags, duration="2s", timeout="500ms"):
    with fake_server(fault) as (port, _):
        return Run(port, "--clients", "5", "--duration", duration, "--timeout", timeout, *flags)


for fault in ("kick", "kick-reset"):
    run = run_against(fault)
    r = run.report
    check(f"{fault}: the only sender is closed, and the server is alive", r["verdict"] == "alive" and not r["starved"], run)
    check("  with code and reason", r["closed_by_server"] == WHY and "1008 too many messages a second" in run.out, run)
    check("  which is exit 5", run.code == 5 and r["connections_ended"] == 1, run)
    check("  and nothing is called lost", r["lost"] == 0 and r["not_awaited"] == 5 and "lost" not in run.out, run)
    check("  and nobody waits for the end of a time in which nothing can be said", run.seconds < 1.5, run)
    check("  nor is charged for a message that the server did not take", r["latency_us"]["max"] < 400_000, run)

run = run_against("kick", "--expect", "starved")
check("a closed sender is not what --expect starved expects: 4", run.code == 4, run)
run = run_against("kick", "--senders", "5", "--rate", "500")
check("with other senders the run goes on", run.report["sent"] > 500 and run.report["closed_by_server"] == WHY, run)
check("  alive, exit 5", run.code == 5 and run.report["verdict"] == "alive" and run.report["lost"] == 0, run)
run = run_against("kick-late")
check("an acknowledged message that never comes is starving, whoever was closed", run.code == 6, run)
run = run_against("kick-reader")
check("a reader is closed: alive, exit 5", run.code == 5 and run.report["closed_by_server"] == WHY, run)
check("  and nothing is lost", run.report["lost"] == 0 and run.report["sent"] > 10, run)
run = run_against("close")
check("all are closed: gone, exit 1", run.code == 1 and run.report["verdict"] == "gone", run)
check("  and why, once for all", run.report["closed_by_server"] == [{"clients": 5, "code": 1001, "reason": "bye"}], run)
run = run_against("reset")
check("all connections are reset: gone, and nobody closed them",
      run.code == 1 and run.report["closed_by_server"] == [] and run.report["connections_ended"] == 5, run)

run = run_against("slow", "--rate", "500", duration="300ms", timeout="200ms")
r = run.report
check("what had not come by the end of waiting is not awaited, not lost",
      r["lost"] == 0 and r["not_awaited"] > 0 and r["delivered"] + r["not_awaited"] == r["expected"], run)
check("  and that is no failure", run.code == 0 and r["verdict"] == "alive", run)
run = run_against("starve")
check("what a starved server keeps is not called lost either",
      run.code == 6 and run.report["lost"] == 0 and run.report["not_awaited"] == 5, run)

run = run_against("slow", "--rate", "0.1", "--warmup", "200ms", "--max-p99", "1s", duration="200ms")
check("a limit without a sample is missed: 5", run.code == 5 and "nothing was measured" in run.out, run)
check("  and no value is made up", run.report["latency_us"] == run.report["latency_from_send_us"]
      == {"count": 0, "p50": None, "p90": None, "p99": None, "p999": None, "max": None} and "0 ns" not in run.out, run)
