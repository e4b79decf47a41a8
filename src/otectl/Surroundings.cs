using System.Diagnostics;
using System.Security.Cryptography;
using Ote.Ctl.Setup;
using Ote.Kube.Client;

namespace Ote.Ctl;

/// <summary>Everything outside the program that a command may touch, so that tests run the real commands in a world of their own.</summary>
internal sealed class Surroundings
{
    /// <summary>Where data goes.</summary>
    internal required TextWriter Out { get; init; }

    /// <summary>Where progress and errors go.</summary>
    internal required TextWriter Error { get; init; }

    /// <summary>What <c>-f -</c> reads.</summary>
    internal required TextReader In { get; init; }

    /// <summary>Whether a person looks at <see cref="Out"/>.</summary>
    internal bool OutIsTerminal { get; init; }

    /// <summary>Whether a person looks at <see cref="Error"/>.</summary>
    internal bool ErrorIsTerminal { get; init; }

    /// <summary>Environment variables by name.</summary>
    internal required Func<string, string?> Variable { get; init; }

    /// <summary>The clock.</summary>
    internal required TimeProvider Time { get; init; }

    /// <summary>Uniform in [0, 1), for jitter between attempts.</summary>
    internal required Func<double> Random { get; init; }

    /// <summary>Fills a span with bytes of a cryptographic generator.</summary>
    internal required Action<Span<byte>> Entropy { get; init; }

    /// <summary>Reads the endpoint from a kubeconfig path and a context name, either of which may be null for the default.</summary>
    internal required Func<string?, string?, KubeEndpoint> Locate { get; init; }

    /// <summary>Opens the transport to an endpoint.</summary>
    internal required Func<KubeEndpoint, HttpMessageHandler> Dial { get; init; }

    /// <summary>Runs a program on this one's terminal until it ends; its exit code. What is cancelled from the keyboard it hears of itself.</summary>
    internal required Func<string, IReadOnlyList<string>, CancellationToken, Task<int>> Run { get; init; }

    /// <summary>How people call the program: <c>otectl</c>, or <c>kubectl ote</c> when it runs as kubectl's plugin.</summary>
    internal string ProgramName { get; init; } = "otectl";

    internal static Surroundings OfProcess() => new()
    {
        Out = Console.Out,
        Error = Console.Error,
        In = Console.In,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        Variable = Environment.GetEnvironmentVariable,
        Time = TimeProvider.System,
        Random = () => RandomNumberGenerator.GetInt32(1 << 30) / (double)(1 << 30),
        Entropy = RandomNumberGenerator.Fill,
        Locate = (path, context) => KubeconfigFile.Load(Kubeconfig.DefaultPath(path), context),
        Dial = endpoint => endpoint.CreateHandler(TimeProvider.System),
        Run = RunAsync,
        ProgramName = NameFor(CalledAs()),
    };

    private static async Task<int> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false })!;
        // A key that interrupts goes to both; the other decides what it means, and ends or not.
        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return process.ExitCode;
    }

    /// <summary>The name to show for the path the program was started by.</summary>
    internal static string NameFor(string argv0) =>
        CompletesFor(argv0) || Path.GetFileNameWithoutExtension(argv0) is "kubectl-ote" or "kubectl_ote" ? "kubectl ote" : "otectl";

    /// <summary>Whether the program was started, by this path, to complete the words of <c>kubectl ote</c>.</summary>
    internal static bool CompletesFor(string argv0) => Path.GetFileNameWithoutExtension(argv0) is "kubectl_complete-ote";

    /// <summary>The path the program was started by, links not followed. The framework would name the assembly in its place.</summary>
    internal static string CalledAs()
    {
        try
        {
            var line = File.ReadAllText("/proc/self/cmdline");
            return line[..line.IndexOf('\0', StringComparison.Ordinal)];
        }
        catch (Exception none) when (none is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Environment.GetCommandLineArgs()[0];
        }
    }
}
