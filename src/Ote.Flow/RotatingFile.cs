namespace Ote.Flow;

/// <summary>
/// An append-only file of lines, for its owner only. When it is full it becomes <c>FILE.1</c>, what was that <c>FILE.2</c>, and so on; the oldest
/// goes. What an append has returned from, the operating system has: it outlives the process, not the machine's power. Not thread-safe.
/// </summary>
public sealed class RotatingFile : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly string _file;
    private readonly long _maxBytes;
    private readonly int _backups;
    private readonly Func<string, Stream> _open;
    private Stream? _stream;
    private bool _torn;

    private RotatingFile(string file, long maxBytes, int backups, Func<string, Stream> open) => (_file, _maxBytes, _backups, _open) = (file, maxBytes, backups, open);

    /// <summary>Opens a file, or makes it with mode 0600; one that was wider is narrowed.</summary>
    /// <param name="file">The file; its directory exists.</param>
    /// <param name="maxBytes">How large it may grow, in bytes; a single append may be larger.</param>
    /// <param name="backups">How many full ones are kept beside it, at least 1.</param>
    /// <param name="open">Opens a file for appending; null: as it should be.</param>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It is not ours.</exception>
    public static RotatingFile Open(string file, long maxBytes, int backups, Func<string, Stream>? open = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(backups, 1);
        var rotating = new RotatingFile(file, maxBytes, backups, open ?? ForAppending) { _torn = LacksEnd(file) };
        rotating._stream = rotating._open(file);
        return rotating;
    }

    /// <summary>Appends whole lines, in one write. After a fault the file is opened anew by the next append.</summary>
    /// <exception cref="IOException">They could not be written; some of them may stand there.</exception>
    /// <exception cref="UnauthorizedAccessException">The file is not ours any more.</exception>
    public void Append(ReadOnlySpan<byte> lines)
    {
        try
        {
            var stream = _stream ??= _open(_file);
            if (stream.Length > 0 && stream.Length + lines.Length > _maxBytes)
            {
                Rotate();
                stream = _stream = _open(_file);
                _torn = false;
            }

            // One write, with the end of a line that an earlier fault cut off before it.
            var whole = _torn ? [(byte)'\n', .. lines] : lines;
            _torn = true;
            stream.Write(whole);
            stream.Flush();
            _torn = false;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Close();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    private static FileStream ForAppending(string file)
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

    private static bool LacksEnd(string file)
    {
        if (!File.Exists(file))
        {
            return false;
        }

        using var stream = File.OpenRead(file);
        if (stream.Length == 0)
        {
            return false;
        }

        stream.Seek(-1, SeekOrigin.End);
        return stream.ReadByte() != '\n';
    }

    private void Rotate()
    {
        Close();
        for (var older = _backups - 1; older >= 1; older--)
        {
            if (File.Exists($"{_file}.{older}"))
            {
                File.Move($"{_file}.{older}", $"{_file}.{older + 1}", overwrite: true);
            }
        }

        File.Move(_file, $"{_file}.1", overwrite: true);
    }

    private void Close()
    {
        try
        {
            _stream?.Dispose();
        }
        catch (IOException)
        {
            // It is being given up; what could not be written was told by the append.
        }

        _stream = null;
    }
}
