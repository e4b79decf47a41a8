using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ote.EdgeHub.Upstream;
using Ote.Kube.Client;
using Ote.Kube.Server.Schema.Validation;
using Ote.Roles.Hosting;

namespace Ote.Node.EdgeHub;

/// <summary>What the values of the hub's options may be. Each that may not is a <see cref="RoleException"/>, which names the option and what to give.</summary>
internal static class HubValues
{
    /// <summary>A name by which no node can be registered would make the hub take its kubelet for somebody else.</summary>
    public static string Named(string node) =>
        node.Length is > 0 and <= 253 && node.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.') && node.Split('.').All(part => part.Length > 0 && part[0] != '-' && part[^1] != '-') ? node
        : throw new RoleException($"--node-name: '{node}' is no name of a node; give it as `kubectl get nodes` shows it, in lower-case letters, digits, '-' and '.'");

    /// <summary>The word of a way of balancing.</summary>
    public static Balance BalanceBy(string word) => word switch
    {
        "least-pending" => Balance.LeastPending,
        "round-robin" => Balance.RoundRobin,
        "priority" => Balance.Priority,
        _ => throw new RoleException($"--balance: '{word}' is none of least-pending, round-robin and priority; give one of them"),
    };

    /// <summary>Where others reach the hub is one address and one port.</summary>
    public static IPEndPoint? Reached(IPEndPoint? advertised) =>
        advertised is null || (!advertised.Address.Equals(IPAddress.Any) && !advertised.Address.Equals(IPAddress.IPv6Any) && advertised.Port != 0) ? advertised
        : throw new RoleException($"--advertise: {advertised} is no place that another node could ask; give the node's own address in the site's network with the port of --listen, such as 10.0.0.7:10261 (--listen itself may be 0.0.0.0:10261)");

    /// <summary>The API server that a kubeconfig leads to.</summary>
    public static Uri ServerOf(string file) => Kubeconfig.Load(file).Server is var server && server.Scheme == Uri.UriSchemeHttps ? server
        : throw new RoleException($"--kubeconfig: {file} leads to {server}, and a node's credentials are shown over https alone; give one that leads to the API server's https address");

    /// <summary>The address of an API server.</summary>
    public static Uri Address(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps && uri.PathAndQuery == "/" && uri.Fragment.Length == 0 && uri.UserInfo.Length == 0 ? uri
        : throw new RoleException($"--server: '{(uri is { UserInfo.Length: > 0 } ? text.Replace(uri.UserInfo, "...", StringComparison.Ordinal) : text)}' is no https URL of an API server alone, without a path and without credentials; write for instance https://10.0.0.1:6443");

    /// <summary>Bytes of the cache, at least a mebibyte.</summary>
    public static long CacheBytes(string text) => !Quantity.TryParse(text, out var most) ? throw new RoleException($"--cache-max-bytes: '{text}' is no quantity; write for instance 512Mi")
        : most < 1024 * 1024 ? throw new RoleException($"--cache-max-bytes: {text} is not enough for what a kubelet asks for; give at least 1Mi")
        : most > long.MaxValue ? throw new RoleException($"--cache-max-bytes: {text} is more than any disk has")
        : (long)most;

    /// <summary>Whether reads are shared, which needs a place where others reach the hub.</summary>
    public static bool Shares(bool asked, IPEndPoint? reached) => !asked || reached is not null ? asked
        : throw new RoleException("--share-reads: other hubs do not reach a loopback address; say with --advertise where they do, and let it --listen there");

    /// <summary>The cluster IP that leads to the hub, which pods have to reach; null: none does.</summary>
    public static IPAddress? Service(string? text, IPEndPoint? reached) => text is null ? null
        : !IPAddress.TryParse(text, out var address) ? throw new RoleException($"--kubernetes-service: '{text}' is no address; give what `kubectl get service kubernetes` shows as CLUSTER-IP")
        : address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || address.Equals(IPAddress.Broadcast) || IPAddress.IsLoopback(address) || address.IsIPv6Multicast || (address.GetAddressBytes() is [>= 224, _, _, _])
            ? throw new RoleException($"--kubernetes-service: {address} is the address of no Service; give what `kubectl get service kubernetes` shows as CLUSTER-IP")
        : reached is null || IPAddress.IsLoopback(reached.Address) ? throw new RoleException("--kubernetes-service: pods do not reach a loopback address; say with --advertise where on the node they reach the hub, and let it --listen there")
        : address;

    /// <summary>The authorities of a file; none: no file is named.</summary>
    public static X509Certificate2Collection Authorities(string? file)
    {
        var authorities = new X509Certificate2Collection();
        if (file is null)
        {
            return authorities;
        }

        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception bad) when (bad is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new RoleException($"--client-ca-file: {file} cannot be read as certificates in PEM: {bad.Message}");
        }

        return authorities.Count > 0 ? authorities : throw new RoleException($"--client-ca-file: {file} holds no certificate; give the cluster's ca.crt");
    }
}
