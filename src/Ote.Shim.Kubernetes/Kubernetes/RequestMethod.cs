namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>The verbs a shim sends on.</summary>
internal static class RequestMethod
{
    public static IReadOnlyList<string> Supported { get; } = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

    public static bool IsSupported(string method) => Supported.Contains(method);

    public static bool Writes(string method) => method is not ("GET" or "HEAD");
}
