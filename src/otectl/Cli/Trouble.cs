using System.Net.Sockets;
using System.Text.Json;
using Ote.Kube.Client;

namespace Ote.Ctl.Cli;

/// <summary>Says what went wrong between this program and the control API: the thing, the cause, and the next step, in one line. Pure.</summary>
internal static class Trouble
{
    /// <summary>Whether an exception means that the API server could not be talked to.</summary>
    internal static bool IsUnreachable(Exception trouble) =>
        trouble is HttpRequestException or IOException or JsonException or TimeoutException or OperationCanceledException;

    /// <summary>Of an answer other than success.</summary>
    internal static string Of(KubeStatusException refused, Uri? server, string program)
    {
        var cause = refused.Message.TrimEnd('.');
        string Answered(string next) => $"the control API at {server} answered {refused.Code}: {cause}; {next}";
        return refused.Code switch
        {
            401 => $"the control API at {server} does not know who you are: {cause}; check the user of the kubeconfig's context",
            403 => $"the control API at {server} does not allow it: {cause}; ask its administrator for the right",
            404 when IsOfCluster(cause) => $"the control API at {server} answered {refused.Code}: {cause}",
        404 => Answered($"check the names, and that --kubeconfig and --context name the root's API; {program} install installs what it may lack"),
            405 => $"the control API at {server} answered 405: {cause}", // it says what to use instead
            409 => Answered("someone else changed it at the same time; look at it again, then repeat"),
            410 => Answered("what was read is no longer kept; repeat it"),
            413 => Answered("send less at a time"),
            400 or 422 => Answered($"correct what it names; {program} version tells whether the two are of one version"),
            429 => Answered("it has too much to do; repeat it in a while"),
            503 when cause.Contains("; make room", StringComparison.Ordinal) || cause.Contains("cannot be written", StringComparison.Ordinal) => $"the control API at {server} answered {refused.Code}: {cause}",
            503 when IsOfCluster(cause) => $"the control API at {server} answered {refused.Code}: {cause}", // it is well itself
            503 or 504 => Answered("it is starting, stopping or overloaded; repeat it in a while"),
            >= 500 => Answered("the fault is on its side; look at its log, and repeat it"),
            _ => Answered("check that the server of the kubeconfig's context is a Kubernetes API, not something before it"),
        };
    }

    /// <summary>Of an exception that <see cref="IsUnreachable"/> knows.</summary>
    internal static string Of(Exception broken, Uri? server) => broken switch
    {
        FileNotFoundException or DirectoryNotFoundException =>
            $"the credentials for the control API at {server} cannot be read: {Cause(broken)}; correct the user of the kubeconfig's context",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } =>
            $"no trusted connection to the control API at {server}: {Cause(broken)}; "
            + "check that the kubeconfig is the one this server wrote, and that the address is that of its certificate",
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } =>
            Unreached(server, Cause(broken), "check the host name in the kubeconfig, and this machine's name servers"),
        HttpRequestException { HttpRequestError: HttpRequestError.ProxyTunnelError } =>
            Unreached(server, Cause(broken), "check the proxy-url in the kubeconfig"),
        JsonException => Unreached(server, $"it answered something else than JSON ({Cause(broken)})", "check that the server of the kubeconfig's context is a Kubernetes API"),
        TimeoutException => Unreached(server, broken.Message, "it may be overloaded or stopped: look at its log, then repeat it"),
        OperationCanceledException or { InnerException: SocketException { SocketErrorCode: SocketError.TimedOut } } =>
            Unreached(server, Cause(broken), "check the address, and what stands between: the network, a firewall, a VPN"),
        _ => Unreached(server, Cause(broken), "check that it runs and that --kubeconfig and --context name it"),
    };

    /// <summary>Whether the way to a cluster below is what is missing: the answer names it, and says what to do.</summary>
    private static bool IsOfCluster(string cause) =>
        cause.StartsWith("cluster ", StringComparison.Ordinal) || cause.StartsWith("no stream to cluster ", StringComparison.Ordinal)
        || cause.StartsWith("the way to cluster ", StringComparison.Ordinal) || cause.StartsWith("the API server of cluster ", StringComparison.Ordinal);

    private static string Unreached(Uri? server, string cause, string next) => $"cannot reach the control API at {server}: {cause}; {next}";

    /// <summary>The innermost words say why; the framework's outer ones say only where to look for them.</summary>
    private static string Cause(Exception broken)
    {
        while (broken.InnerException is { } inner)
        {
            broken = inner;
        }

        return broken.Message.TrimEnd('.');
    }
}
