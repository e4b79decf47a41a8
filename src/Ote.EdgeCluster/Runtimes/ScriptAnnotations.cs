using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Runtimes;

/// <summary>
/// Reads scripts from a pod's annotations: <c>simulated.ote.baidu.com/exit-after: 10s</c> for every container,
/// <c>simulated.ote.baidu.com/web.exit-after: 10s</c> for the container <c>web</c>, which wins.
/// </summary>
public static class ScriptAnnotations
{
    /// <summary>On a node: set to <c>true</c>, nothing is heard of it, as of a machine that is cut off or dead.</summary>
    public const string Silent = Prefix + "silent";

    /// <summary>On a node: why its runtime is in trouble, in a few words.</summary>
    public const string Trouble = Prefix + "trouble";

    /// <summary>What every such annotation begins with.</summary>
    public const string Prefix = "simulated.ote.baidu.com/";

    /// <summary>Annotation names after the prefix, in the order of <see cref="ContainerScript"/>'s members.</summary>
    public static IReadOnlyList<string> Names { get; } = ["start-delay", "ready-after", "never-ready", "image-pull-error", "exit-after", "exit-code", "stop-after"];

    /// <summary>The script of one container.</summary>
    /// <exception cref="PodRuntimeException">A value cannot be read; the message names the annotation and what it may hold.</exception>
    internal static ContainerScript Read(JsonObject pod, string container)
    {
        string? Text(string name) => pod.Annotation($"{Prefix}{container}.{name}") ?? pod.Annotation(Prefix + name);
        return new ContainerScript
        {
            StartDelay = Span(Text("start-delay"), "start-delay"),
            ReadyAfter = Span(Text("ready-after"), "ready-after"),
            NeverReady = Truth(Text("never-ready"), "never-ready"),
            ImagePullError = Text("image-pull-error") is { Length: > 0 } error ? error : null,
            ExitAfter = Span(Text("exit-after"), "exit-after"),
            ExitCode = Whole(Text("exit-code"), "exit-code"),
            StopAfter = Span(Text("stop-after"), "stop-after"),
        };
    }

    private static TimeSpan? Span(string? text, string name)
    {
        if (text is null)
        {
            return null;
        }

        var (digits, unit) = text switch
        {
            _ when text.EndsWith("ms", StringComparison.Ordinal) => (text[..^2], TimeSpan.FromMilliseconds(1)),
            _ when text.EndsWith('s') => (text[..^1], TimeSpan.FromSeconds(1)),
            _ when text.EndsWith('m') => (text[..^1], TimeSpan.FromMinutes(1)),
            _ when text.EndsWith('h') => (text[..^1], TimeSpan.FromHours(1)),
            _ => ("", TimeSpan.Zero),
        };
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count) && count * unit.TotalDays <= 3650
            ? count * unit
            : throw Bad(name, text, "a time such as 500ms, 10s, 2m or 1h");
    }

    private static bool? Truth(string? text, string name) => text switch
    {
        null => null,
        "true" => true,
        "false" => false,
        _ => throw Bad(name, text, "true or false"),
    };

    private static int? Whole(string? text, string name)
    {
        if (text is null)
        {
            return null;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code <= 255
            ? code
            : throw Bad(name, text, "an exit code from 0 to 255");
    }

    private static PodRuntimeException Bad(string name, string text, string allowed) =>
        new($"annotation {Prefix}{name} is '{text}'; set it to {allowed}");
}
