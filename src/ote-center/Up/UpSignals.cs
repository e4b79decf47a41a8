using System.Runtime.InteropServices;

namespace Ote.Center.Up;

/// <summary>Ctrl-C and SIGTERM: either ends <c>up</c> in order, and the exit code says whether it had come as far as was asked.</summary>
internal sealed class UpSignals : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _registered;
    private int _code;

    public UpSignals() => _registered = [Register(PosixSignal.SIGINT, 130), Register(PosixSignal.SIGTERM, 143)];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>The exit code of who was cut off: 128 and the signal's number, as a shell has it.</summary>
    public int Code => Volatile.Read(ref _code);

    public void Dispose()
    {
        foreach (var registration in _registered)
        {
            registration.Dispose();
        }

        _stop.Dispose();
    }

    private PosixSignalRegistration Register(PosixSignal signal, int code) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        Interlocked.CompareExchange(ref _code, code, 0);
        _stop.Cancel();
    });
}
