using System.CommandLine;
using Ote.Ctl.Output;
using Ote.Ctl.Setup;
using Ote.Kube.Client;

namespace Ote.Ctl.Cli;

/// <summary>One run of one command: what was typed, and the world it acts on.</summary>
internal sealed class Invocation : IDisposable
{
    private readonly GlobalOptions _globals;
    private KubeClient? _api;

    internal Invocation(Surroundings world, GlobalOptions globals, ParseResult typed)
    {
        World = world;
        _globals = globals;
        Typed = typed;
        var noColor = typed.GetValue(globals.NoColor);
        OutPaint = Paint.For(world.OutIsTerminal, noColor, world.Variable);
        ErrorPaint = Paint.For(world.ErrorIsTerminal, noColor, world.Variable);
        Format = OutputFormats.Of(typed.GetValue(globals.Output));
    }

    internal Surroundings World { get; }

    internal ParseResult Typed { get; }

    internal GlobalOptions Globals => _globals;

    internal OutputFormat Format { get; }

    internal Paint OutPaint { get; }

    internal Paint ErrorPaint { get; }

    internal TextWriter Out => World.Out;

    internal DateTimeOffset Now => World.Time.GetUtcNow();

    /// <summary>Whether the objects themselves are wanted, not a table.</summary>
    internal bool WantsObjects => Format is OutputFormat.Json or OutputFormat.Yaml or OutputFormat.Name;

    /// <summary>The namespace typed, or null.</summary>
    internal string? Namespace => Typed.GetValue(_globals.Namespace);

    internal string? KubeconfigPath => Typed.GetValue(_globals.Kubeconfig);

    internal string? ContextName => Typed.GetValue(_globals.Context);

    /// <summary>Where the control API is, once known; for error messages.</summary>
    internal Uri? Server { get; private set; }

    /// <summary>The control API. Opened at first use.</summary>
    internal KubeClient Api
    {
        get
        {
            if (_api is null)
            {
                var endpoint = World.Locate(KubeconfigPath, ContextName);
                Server = endpoint.Server;
                var transport = new AnswerTimeout(World.Dial(endpoint), AnswerTimeout.Usual, World.Time);
                _api = new KubeClient(new HttpClient(transport)
                {
                    BaseAddress = new Uri(endpoint.Server.ToString().TrimEnd('/') + "/"),
                    Timeout = Timeout.InfiniteTimeSpan,
                }, $"otectl/{VersionCommand.Own}");
            }

            return _api;
        }
    }

    /// <summary>Says something that is not data.</summary>
    internal void Note(string line) => World.Error.Write(line + "\n");

    public void Dispose() => _api?.Dispose();
}
