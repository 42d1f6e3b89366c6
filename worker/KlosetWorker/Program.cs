using System.Runtime.InteropServices;
using KlosetWorker.Commands;
using KlosetWorker.Hosting;

using var stop = new CancellationTokenSource();
using var abort = new CancellationTokenSource();

// The first signal asks for an anchor and a clean end; a second one ends the work where it stands.
void OnSignal(PosixSignalContext context)
{
    context.Cancel = true;
    if (stop.IsCancellationRequested)
    {
        abort.Cancel();
    }
    else
    {
        stop.Cancel();
    }
}

using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);

// A reader that closes its end early (kloset ls | head) is no error: writes then fail with EPIPE instead of ending the process.
using var pipe = PosixSignalRegistration.Create((PosixSignal)13, context => context.Cancel = true);

return await CommandLine.RunAsync(args, WorkerHost.OfProcess(stop.Token, abort.Token));
