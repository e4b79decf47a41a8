using System.Net;
using System.Net.Sockets;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Sharing;
using Ote.EdgeHub.Upstream;
using Ote.Kube.Client;
using Ote.Kube.Server.Access;

namespace Ote.EdgeHub;

/// <summary>What would keep a hub from beginning, as far as it can be known without taking its folder and its ports, which a hub that runs may hold.</summary>
public static class HubCheck
{
    private const string ObjectsOfServer = "objects.db";

    /// <summary>Sees whether the library of its cache is there.</summary>
    /// <exception cref="IOException">It is not; the message says where it belongs.</exception>
    public static void Library()
    {
        try
        {
            using var memory = new SqliteConnection("Data Source=:memory:");
            memory.Open();
        }
        catch (Exception missing) when (missing.GetBaseException() is DllNotFoundException)
        {
            throw new IOException($"libe_sqlite3.so, which the hub keeps its cache by, is not beside the executable in {AppContext.BaseDirectory}: copy it there from where the executable came from.", missing);
        }
    }

    /// <summary>Sees whether a hub could begin with these options: reads its credentials as it would, and looks at its folder without changing it.</summary>
    /// <param name="options">Its options.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where it is told what keeps no hub from beginning, and is hardly meant, as a start tells it.</param>
    /// <param name="others">Where else it is to listen.</param>
    /// <exception cref="IOException">It could not; the message says why.</exception>
    /// <exception cref="KubeconfigException">A kubeconfig cannot be used.</exception>
    public static void Run(EdgeHubOptions options, TimeProvider time, ILogger log, params IEnumerable<IPEndPoint> others)
    {
        ArgumentNullException.ThrowIfNull(options);
        Begin(options, others);
        HubFolderCheck.Run(options.DataDirectory, options.NodeName);
        // They are made as the hub makes them, and ask nobody anything until they are used.
        using (var identities = new NodeIdentities(options, new UpstreamServers(options.Servers, log, options.Balance), new SharedReads(options, time, log), time, log))
        {
            if (identities.Foreign(options.ClientAuthorities).FirstOrDefault() is { } refused)
            {
                throw new KubeconfigException($"--client-ca-file: none of its authorities issued the certificate of {refused.Name}, whose component the hub would refuse. Name the one that the API server has as --client-ca-file (/etc/kubernetes/pki/ca.crt where kubeadm made the node).");
            }

            EdgeHub.Remark(identities, options, time, log);
        }

        if (options.K3s is { } k3s)
        {
            EdgeHub.Serving(k3s)();
        }
    }

    /// <summary>What a start has to see for itself, before it takes its folder: all else of <see cref="Run"/> it comes upon as it goes, and tells in the same words.</summary>
    /// <param name="options">Its options.</param>
    /// <param name="others">Where else it is to listen.</param>
    /// <exception cref="IOException">It could not begin; the message says why.</exception>
    public static void Begin(EdgeHubOptions options, params IEnumerable<IPEndPoint> others)
    {
        ArgumentNullException.ThrowIfNull(options);
        Library();
        if (File.Exists(Path.Combine(options.DataDirectory, ObjectsOfServer)) && !File.Exists(Path.Combine(options.DataDirectory, NodeFile.FileName)))
        {
            throw new IOException($"--data: {options.DataDirectory} is the folder of an API server ({ObjectsOfServer} lies there), whose authority the hub would take for its own. Name a folder that is empty or not there yet.");
        }

        foreach (var host in options.Hosts)
        {
            Name(host);
        }

        IPEndPoint[] listens = [.. others, options.Listen, .. options.K3s is null ? [] : new[] { options.K3s.Listen }];
        foreach (var listen in listens)
        {
            Bind(listen.Address);
        }

        for (var i = 0; i < listens.Length; i++)
        {
            if (Array.Find(listens[..i], former => IsOne(former, listens[i])) is { } former)
            {
                throw new IOException($"the hub cannot listen at {listens[i]} for two things, of which one is told to listen at {former}: give each a port of its own.");
            }
        }
    }

    /// <summary>A name that no certificate can hold.</summary>
    private static void Name(string host)
    {
        try
        {
            ServerPki.CheckName(host);
        }
        catch (ArgumentException unfit)
        {
            throw new IOException($"--host: '{host}' is no name or address that a certificate could be good for. Give a name such as shop-1.example.com.", unfit);
        }
    }

    /// <summary>Any address is each one of them.</summary>
    private static bool IsOne(IPEndPoint one, IPEndPoint other) => one.Port == other.Port && one.Port != 0 && (one.Address.Equals(other.Address) || IsAny(one.Address) || IsAny(other.Address));

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    /// <summary>At any port: its own may be in use by the hub that this one is to follow.</summary>
    private static void Bind(IPAddress address)
    {
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, 0));
        }
        catch (SocketException unusable)
        {
            throw new IOException($"the hub cannot listen at {address}: {unusable.Message}. Name an address of this machine, as `ip address` shows them.", unusable);
        }
    }
}
