using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Ote.Flow;

namespace Ote.Cluster.Audit;

/// <summary>
/// An append-only file of JSON lines, for its owner only. When it is full it becomes <c>FILE.1</c>, in place of the one before, so at most
/// twice its size is kept. Each event stands there once: what the files hold is known again after a restart. A disk that takes no more loses
/// lines, which is counted and told; nothing waits for it and nothing fails by it. Thread-safe.
/// </summary>
internal sealed class AuditLog : IDisposable
{
    /// <summary>The size of one file unless told otherwise: 64 MiB.</summary>
    public const long DefaultMaxBytes = 64 * 1024 * 1024;

    /// <summary>The least size of one file.</summary>
    public const long LeastMaxBytes = 64 * 1024;

    private const int MostKeys = 200_000;
    private readonly Lock _gate = new();
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();
    private readonly string _file;
    private readonly RotatingFile _lines;
    private readonly ILogger _log;
    private Counter<long>? _lostCounter;
    private long _lost;

    private AuditLog(string file, long maxBytes, ILogger log, Func<string, Stream>? open)
    {
        (_file, _log) = (file, log);
        Learn(file + ".1");
        Learn(file);
        _lines = RotatingFile.Open(file, maxBytes, backups: 1, open);
    }

    /// <summary>Opens a log and reads what is known already.</summary>
    /// <param name="file">The file; its directory exists.</param>
    /// <param name="maxBytes">How large it may grow before it is put aside.</param>
    /// <param name="log">Where trouble is told.</param>
    /// <param name="open">Opens a file for appending; null: as it should be.</param>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It is not ours.</exception>
    public static AuditLog Open(string file, long maxBytes, ILogger log, Func<string, Stream>? open = null) => new(file, maxBytes, log, open);

    /// <summary>Counts what is lost.</summary>
    public void CountLost(Counter<long> counter) => _lostCounter = counter;

    /// <summary>Appends a line, unless the same event stands there already. Never throws.</summary>
    public void Write(AuditLine line)
    {
        lock (_gate)
        {
            if (_known.Contains(line.Key))
            {
                return;
            }

            try
            {
                _lines.Append(line.Json.Span);
                Know(line.Key);
            }
            catch (Exception full) when (full is IOException or UnauthorizedAccessException)
            {
                Lose(full.Message);
                return;
            }

            if (_lost > 0)
            {
                _log.AuditBack(_file, _lost);
                _lost = 0;
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _lines.Dispose();
        }
    }

    private void Lose(string cause)
    {
        if (_lost++ == 0)
        {
            _log.AuditLost(_file, cause);
        }

        _lostCounter?.Add(1);
    }

    /// <summary>Reads the events of a file.</summary>
    private void Learn(string file)
    {
        if (!File.Exists(file))
        {
            return;
        }

        foreach (var line in File.ReadLines(file))
        {
            if (AuditLine.KeyOf(System.Text.Encoding.UTF8.GetBytes(line)) is { } key)
            {
                Know(key);
            }
        }
    }

    private void Know(string key)
    {
        if (_known.Add(key))
        {
            _order.Enqueue(key);
        }

        while (_order.Count > MostKeys)
        {
            _known.Remove(_order.Dequeue());
        }
    }
}
