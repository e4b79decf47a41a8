using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Http;

/// <summary>What <c>/version</c> tells: the Kubernetes whose API this is, and whose server.</summary>
internal sealed record VersionInfo(string Major, string Minor, string Build)
{
    /// <summary>The version of the bundled schema data.</summary>
    public static VersionInfo Current { get; } = new("1", "36", typeof(VersionInfo).Assembly.GetName().Version?.ToString(3) ?? "0");

    public JsonObject ToJson() => new()
    {
        ["major"] = Major,
        ["minor"] = Minor,
        ["gitVersion"] = $"v{Major}.{Minor}.0+ote.{Build}",
        ["gitCommit"] = "",
        ["gitTreeState"] = "clean",
        ["buildDate"] = "1970-01-01T00:00:00Z",
        ["goVersion"] = "",
        ["compiler"] = "dotnet",
        ["platform"] = $"{(OperatingSystem.IsWindows() ? "windows" : "linux")}/{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}",
    };
}
