using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

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
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly Lock _gate = new();
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();
    private readonly string _file;
    private readonly long _maxBytes;
    private readonly ILogger _log;
    private readonly Func<string, Stream> _open;
    private Counter<long>? _lostCounter;
    private Stream? _stream;
    private bool _torn;
    private long _lost;

    private AuditLog(string file, long maxBytes, ILogger log, Func<string, Stream>? open) => (_file, _maxBytes, _log, _open) = (file, maxBytes, log, open ?? Append);

    /// <summary>Opens a log and reads what is known already.</summary>
    /// <param name="file">The file; its directory exists.</param>
    /// <param name="maxBytes">How large it may grow before it is put aside.</param>
    /// <param name="log">Where trouble is told.</param>
    /// <param name="open">Opens a file for appending; null: as it should be.</param>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It is not ours.</exception>
    public static AuditLog Open(string file, long maxBytes, ILogger log, Func<string, Stream>? open = null)
    {
        var audit = new AuditLog(file, maxBytes, log, open);
        audit.Learn(file + ".1");
        audit._torn = audit.Learn(file);
        audit._stream = audit._open(file);
        return audit;
    }

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
                Append(line.Json);
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
            _stream?.Dispose();
            _stream = null;
        }
    }

    private static FileStream Append(string file)
    {
        var options = new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        var stream = new FileStream(file, options);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(stream.SafeFileHandle, OwnerOnly); // one that was there before may have been wider
        }

        return stream;
    }

    private void Append(ReadOnlyMemory<byte> json)
    {
        var stream = _stream ??= _open(_file);
        if (stream.Length > 0 && stream.Length + json.Length > _maxBytes)
        {
            stream.Dispose();
            _stream = null;
            File.Move(_file, _file + ".1", overwrite: true);
            stream = _stream = _open(_file);
            _torn = false;
        }

        // One write a line, with the end of a line that an earlier fault cut off before it.
        ReadOnlyMemory<byte> whole = _torn ? (byte[])[(byte)'\n', .. json.Span] : json;
        _torn = true;
        stream.Write(whole.Span);
        stream.Flush();
        _torn = false;
    }

    private void Lose(string cause)
    {
        if (_lost++ == 0)
        {
            _log.AuditLost(_file, cause);
        }

        _lostCounter?.Add(1);
        try
        {
            _stream?.Dispose();
        }
        catch (IOException)
        {
            // It is being given up for just that.
        }

        _stream = null;
    }

    /// <summary>Reads the events of a file; returns whether its last line has no end.</summary>
    private bool Learn(string file)
    {
        if (!File.Exists(file))
        {
            return false;
        }

        foreach (var line in File.ReadLines(file))
        {
            if (AuditLine.KeyOf(System.Text.Encoding.UTF8.GetBytes(line)) is { } key)
            {
                Know(key);
            }
        }

        using var stream = File.OpenRead(file);
        if (stream.Length == 0)
        {
            return false;
        }

        stream.Seek(-1, SeekOrigin.End);
        return stream.ReadByte() != '\n';
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
