using System.Net;
using System.Net.Sockets;
using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>Looks for a hub that somebody started by hand, by what only one process of the machine can have.</summary>
internal static class OtherHub
{
    /// <summary>What a hub needs for itself, and another process has.</summary>
    /// <param name="data">Its folder.</param>
    /// <param name="listen">Where it is to listen; null: that is not known, and not looked at.</param>
    /// <returns>Which of both, in words; null: neither.</returns>
    public static string? Sign(string data, IPEndPoint? listen) =>
        DataLock.IsHeld(data) ? $"another process of ote has the folder {data}"
        : listen is not null && IsInUse(listen) ? $"another process listens at {listen}"
        : null;

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
