using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Ote.Shim.Hosting;

/// <summary>
/// The right to serve at one socket path. A lock file beside the socket decides between processes, and dies with its holder, so a stale
/// socket is told from a served one without a race; the lock file stays behind, for removing it would reopen that race.
/// </summary>
internal sealed class UnixSocketFile : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode WritableByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    private readonly FileStream _lock;

    private UnixSocketFile(string path, FileStream held) => (Path, _lock) = (path, held);

    public string Path { get; }

    /// <summary>Makes the directory (0700) if need be, takes the lock and clears a stale socket away.</summary>
    public static UnixSocketFile Claim(string path)
    {
        if (OperatingSystem.IsWindows())
            throw new ShimStartException($"socket {path}: access to unix sockets cannot be limited on this system; let the shim listen at https://host:port");
        string directory = System.IO.Path.GetDirectoryName(path)!;
        FileStream? held = null;
        try
        {
            Directory.CreateDirectory(directory, OwnerOnly | UnixFileMode.UserExecute);
            if ((File.GetUnixFileMode(directory) & WritableByOthers) != 0)
                throw new ShimStartException($"directory {directory} of the shim's socket may be written by others: use a directory of its own (it is created with mode 0700), or chmod 0700 it.");
            held = Lock(path);
            RemoveStale(path);
            return new UnixSocketFile(path, held);
        }
        catch (Exception e)
        {
            held?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new ShimStartException($"socket {path} of the shim cannot be made: {e.Message} Choose a path this user may write.", e);
            throw;
        }
    }

    /// <summary>Binds with mode 0600 before anyone can connect: a bound socket refuses connections until it listens.</summary>
    public Socket Bind()
    {
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException();
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(Path));
            File.SetUnixFileMode(Path, OwnerOnly);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose() => _lock.Dispose();

    [UnsupportedOSPlatform("windows")]
    private static FileStream Lock(string path)
    {
        string lockPath = path + ".lock";
        try
        {
            return new FileStream(lockPath, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, UnixCreateMode = OwnerOnly });
        }
        catch (IOException e)
        {
            throw Taken(path, e);
        }
    }

    private static void RemoveStale(string path)
    {
        if (Directory.Exists(path) || !File.Exists(path))
        {
            if (Directory.Exists(path))
                throw new ShimStartException($"{path} is a directory: the shim needs the path of a socket file in it, such as {path}/shim.sock");
            return;
        }
        if (!IsSocket(path))
            throw new ShimStartException($"{path} exists and is no socket: it is left alone; choose another path for the shim or remove it.");
        if (Answers(path))
            throw Taken(path, null);
        File.Delete(path);
    }

    /// <summary>A socket is the one kind of file that cannot be opened; read and write together do not block on a pipe.</summary>
    private static bool IsSocket(string path)
    {
        try
        {
            using FileStream _ = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static bool Answers(string path)
    {
        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return false;
        }
    }

    private static ShimStartException Taken(string path, Exception? inner)
    {
        string text = $"socket {path} is served by another process: stop that one, or choose another path for this shim.";
        return inner is null ? new ShimStartException(text) : new ShimStartException(text, inner);
    }
}
