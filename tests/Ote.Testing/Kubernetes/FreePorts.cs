using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Ote.Testing.Kubernetes;

/// <summary>Loopback ports for programs that must be told one.</summary>
public static class FreePorts
{
    // Below the range from which the kernel serves port 0, so that nobody else's port 0 becomes one of these.
    private const int Lowest = 20_000;
    private const int Highest = 32_000;

    /// <summary>Distinct ports that were free a moment ago; the caller tries again should one be taken meanwhile.</summary>
    public static int[] Take(int count)
    {
        HashSet<int> taken = [];
        for (int tries = 0; taken.Count < count; tries++)
        {
            if (tries == 1000)
                throw new InvalidOperationException($"no {count} free ports of 127.0.0.1 between {Lowest} and {Highest}; end what listens there");
            int port = RandomNumberGenerator.GetInt32(Lowest, Highest);
            if (IsFree(port))
                taken.Add(port);
        }
        return [.. taken];
    }

    private static bool IsFree(int port)
    {
        try
        {
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
