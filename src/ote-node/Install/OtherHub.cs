using System.Net;
using System.Net.Sockets;
using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>Looks for a hub that somebody started by hand, by what only one process of the machine can have.</summary>
internal static class OtherHub
{
    // EAGAIN of Linux and of the BSDs: what a lock that another has is told with.
    private const int Held = 11, HeldElsewhere = 35;

    /// <summary>What a hub needs for itself, and another process has.</summary>
    /// <param name="data">Its folder.</param>
    /// <param name="listen">Where it is to listen; null: that is not known, and not looked at.</param>
    /// <returns>Which of both, in words; null: neither.</returns>
    public static string? Sign(string data, IPEndPoint? listen) =>
        Holds(data) ? $"another process of ote has the folder {data}"
        : listen is not null && IsInUse(listen) ? $"another process listens at {listen}"
        : null;

    /// <summary>Whether a process has a data folder. The folder stays as it is.</summary>
    /// <param name="data">The folder.</param>
    public static bool Holds(string data)
    {
        try
        {
            using var free = new FileStream(Path.Combine(data, DataLock.FileName), FileMode.Open, FileAccess.Read, FileShare.None);
            return false;
        }
        catch (IOException used) when (used.HResult is Held or HeldElsewhere)
        {
            return true;
        }
        catch (Exception unread) when (unread is IOException or UnauthorizedAccessException)
        {
            return false; // Nobody took it yet; what is wrong with it otherwise is said by who needs it.
        }
    }

    /// <summary>What else keeps a hub from listening there, its check has told.</summary>
    private static bool IsInUse(IPEndPoint listen)
    {
        try
        {
            using var socket = new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(listen);
            return false;
        }
        catch (SocketException unusable)
        {
            return unusable.SocketErrorCode == SocketError.AddressAlreadyInUse;
        }
    }
}
