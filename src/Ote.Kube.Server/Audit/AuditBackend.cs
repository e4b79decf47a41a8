using System.Buffers;
using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Ote.Flow;

namespace Ote.Kube.Server.Audit;

/// <summary>
/// Takes events from requests and writes them to the file, those that wait in one write. A queue that is full holds the request back for a second
/// at most, so that nobody pushes lines out by asking much; a disk that takes none then, or fails, loses them, which is counted and told, and stops
/// no request. Each write is handed to the operating system at once and not forced onto the disk. Thread-safe.
/// </summary>
internal sealed class AuditBackend : IAsyncDisposable
{
    private const int BatchBytes = 256 * 1024;
    private static readonly TimeSpan MostWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MostDraining = TimeSpan.FromSeconds(5);

    private readonly AuditOptions _options;
    private readonly AuditPolicy _policy;
    private readonly RotatingFile _file;
    private readonly Channel<byte[]> _waiting;
    private readonly TimeProvider _time;
    private readonly Func<Guid> _newId;
    private readonly ILogger _log;
    private readonly Counter<long> _written;
    private readonly Counter<long> _lost;
    private readonly Task _writing;
    private long _lostSince;

    /// <summary>Reads the policy and opens the file.</summary>
    /// <param name="options">Where and how much.</param>
    /// <param name="meter">Counts what is written and what is lost.</param>
    /// <param name="time">The clock.</param>
    /// <param name="newId">Makes the ids of requests.</param>
    /// <param name="log">Where trouble is told.</param>
    /// <exception cref="IOException">The file or the policy cannot be used; the message says which and why.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of its range.</exception>
    public AuditBackend(AuditOptions options, Meter meter, TimeProvider time, Func<Guid> newId, ILogger log)
    {
        CheckRange(options.MaxSize, AuditOptions.LeastSize, AuditOptions.MostSize);
        CheckRange(options.MaxBackups, AuditOptions.LeastBackups, AuditOptions.MostBackups);
        (_options, _time, _newId, _log) = (options, time, newId, log);
        _policy = options.PolicyFile is { } policy ? AuditPolicyFile.Read(policy) : AuditPolicy.Default;
        try
        {
            _file = RotatingFile.Open(options.Path, options.MaxSize * 1024L * 1024, options.MaxBackups, options.OpenFile);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The audit log {options.Path} cannot be written: {fault.Message} Name a file in a folder that exists and is this user's.", fault);
        }

        _written = meter.CreateCounter<long>("ote.kube.server.audit.events", "{event}", "Events written to the audit log");
        _lost = meter.CreateCounter<long>("ote.kube.server.audit.lost", "{event}", "Events that could not be written to the audit log");
        _waiting = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(options.MaxWaiting) { SingleReader = true });
        _writing = Task.Run(WriteAsync);
    }

    /// <summary>Begins to note a request.</summary>
    public AuditTrail Begin(HttpContext context) => new(this, _policy, context, _newId, _time);

    /// <summary>Gives an event to the writer.</summary>
    /// <param name="line">One event and the end of its line.</param>
    public async ValueTask AddAsync(byte[] line)
    {
        if (_waiting.Writer.TryWrite(line))
        {
            return;
        }

        using var soon = new CancellationTokenSource(MostWait, _time);
        try
        {
            await _waiting.Writer.WriteAsync(line, soon.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Lose(1, $"{_options.MaxWaiting} events wait for the disk");
        }
        catch (ChannelClosedException)
        {
            Lose(1, "the server has ended");
        }
    }

    /// <summary>Writes what waits, for a few seconds at most, and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        try
        {
            await _writing.WaitAsync(MostDraining, _time).ConfigureAwait(false);
            _file.Dispose();
        }
        catch (TimeoutException)
        {
            Lose(_waiting.Reader.Count, "the disk takes nothing");
        }
    }

    private static void CheckRange(int value, int least, int most)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most);
    }

    private async Task WriteAsync()
    {
        var batch = new ArrayBufferWriter<byte>();
        while (await _waiting.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            var count = 0;
            while (batch.WrittenCount < BatchBytes && _waiting.Reader.TryRead(out var line))
            {
                batch.Write(line);
                count++;
            }

            try
            {
                _file.Append(batch.WrittenSpan);
                _written.Add(count);
                if (Interlocked.Exchange(ref _lostSince, 0) is > 0 and var lost)
                {
                    _log.AuditBack(_options.Path, lost);
                }
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                Lose(count, fault.Message);
            }

            batch.ResetWrittenCount();
        }
    }

    private void Lose(int count, string cause)
    {
        _lost.Add(count);
        if (Interlocked.Add(ref _lostSince, count) == count && count > 0)
        {
            _log.AuditLost(_options.Path, cause);
        }
    }
}
