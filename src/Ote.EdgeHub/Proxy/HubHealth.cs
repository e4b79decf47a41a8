using Microsoft.AspNetCore.Http;
using Ote.EdgeHub.Offline;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Proxy;

/// <summary>
/// What the hub says to <c>/healthz</c>, <c>/livez</c> and <c>/readyz</c> while no API server is asked, and at any time to its own checks of <c>/readyz</c>, which an API server does not have: how it stands itself, never how an API server does that nobody reaches. Ready is 200 also then, since the hub answers in the API
/// server's place: a k3s agent begins neither kubelet nor network before it, and ends when it waits for it too long. Pure.
/// </summary>
internal static class HubHealth
{
    private const string Self = "edgehub", Copies = "cache", Server = "api-server";

    /// <summary>Whether a request asks for it.</summary>
    /// <param name="method">Upper case.</param>
    /// <param name="target">Its path and query as they came.</param>
    public static bool Concerns(string method, string target) => method is "GET" or "HEAD" && Path(target).Split('/') is ["", "healthz" or "livez" or "readyz", ..];

    /// <summary>Whether a request that <see cref="Concerns"/> it asks for a check that only a hub has.</summary>
    /// <param name="target">Its path and query as they came.</param>
    public static bool IsOwn(string target) => Path(target).Split('/') is ["", "readyz", Self or Copies or Server];

    /// <summary>The answer, in the form in which an API server gives it.</summary>
    /// <param name="target">Path and query of a request that <see cref="Concerns"/> it.</param>
    /// <param name="state">How the node stands.</param>
    /// <param name="since">Since when it is not connected.</param>
    /// <param name="trouble">What keeps the cache from being written or read, without names of files; null: nothing.</param>
    public static (int Code, string Text) Of(string target, ConnectionState state, DateTimeOffset since, string? trouble)
    {
        var words = Path(target).Trim('/').Split('/');
        (string Name, string? Fault)[] checks = words[0] == "readyz"
            ? [(Self, null), (Copies, trouble), (Server, state == ConnectionState.Connected ? null : state == ConnectionState.Returning
                ? $"one answers again, and is being told what was written since {since.ToKubeTime()}; this node's hub answers until then"
                : $"cut off since {since.ToKubeTime()}; this node's hub answers from what it has kept")]
            : [(Self, null)];
        if (words.Length > 1)
        {
            return words.Length > 2 || Array.FindIndex(checks, check => check.Name == words[1]) is not (>= 0 and var one)
                ? (StatusCodes.Status404NotFound, $"the node is cut off, and its hub has no check of that name: {string.Join(", ", checks.Select(check => check.Name))}\n")
                : checks[one].Fault is { } fault ? (StatusCodes.Status503ServiceUnavailable, $"{words[1]} failed: {fault}\n") : (StatusCodes.Status200OK, "ok");
        }

        return words[0] != "readyz" && !IsVerbose(target) ? (StatusCodes.Status200OK, "ok")
            : (StatusCodes.Status200OK, string.Concat(checks.Select(check => check.Fault is null ? $"[+]{check.Name} ok\n" : $"[-]{check.Name} failed: {check.Fault}\n")) + (words[0] == "readyz" ? "readyz check passed: this node's hub answers in the API server's place\n" : $"{words[0]} check passed\n"));
    }

    private static string Path(string target) => target.Split('?')[0];

    private static bool IsVerbose(string target) => target.Split('?') is [_, var query, ..] && query.Split('&').Any(parameter => parameter is "verbose" or "verbose=" or "verbose=true" or "verbose=1");
}
