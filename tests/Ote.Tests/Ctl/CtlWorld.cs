using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Ctl;
using Ote.Ctl.Cli;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Ctl;

/// <summary>What a run of the program left behind.</summary>
internal sealed record CtlResult(int Code, string Out, string Error);

/// <summary>The real command line before a real control API in memory, with a clock of its own.</summary>
internal sealed class CtlWorld : IAsyncDisposable
{
    private readonly ApiServer _server;
    private byte _entropy;

    private CtlWorld(ApiServer server, FakeTimeProvider time)
    {
        _server = server;
        Time = time;
        Api = server.CreateClient(UserInfo.Admin);
        Controller = server.CreateClient(UserInfo.Component("cluster-controller"));
    }

    public static DateTimeOffset Start { get; } = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public FakeTimeProvider Time { get; }

    /// <summary>The same API for the test and for the controller it plays.</summary>
    public KubeClient Api { get; }

    /// <summary>As the controller itself, which alone deletes clusters that are online.</summary>
    public KubeClient Controller { get; }

    public string ProgramName { get; set; } = "otectl";

    public string Input { get; set; } = "";

    public bool IsTerminal { get; set; }

    /// <summary>Programs that were started, with their arguments; none is.</summary>
    public List<(string Program, IReadOnlyList<string> Arguments)> Started { get; } = [];

    /// <summary>What those end with.</summary>
    public int ProgramCode { get; set; }

    public Dictionary<string, string> Variables { get; } = [];

    /// <summary>Stands between the program and the API; replaces or breaks what it likes.</summary>
    public Func<HttpMessageHandler, HttpMessageHandler> Between { get; set; } = inner => inner;

    /// <summary>Cancelled as Ctrl+C cancels a run.</summary>
    public CancellationTokenSource Keyboard { get; } = CancellationTokenSource.CreateLinkedTokenSource(Stop);

    /// <summary>What the run that goes on has written to standard error.</summary>
    public HeardWriter Progress { get; private set; } = new();

    public static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static async Task<CtlWorld> StartAsync(bool installed = true, Func<ApiServerOptions, ApiServerOptions>? options = null)
    {
        var time = new FakeTimeProvider(Start);
        var wanted = new ApiServerOptions { Name = "control", InstallCrds = installed ? Crds.Load() : [], Namespaces = installed ? ["ote-system"] : [] };
        return new CtlWorld(await ApiServer.StartAsync(options?.Invoke(wanted) ?? wanted, NullLoggerFactory.Instance, time, Stop), time);
    }

    public async Task<CtlResult> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new HeardWriter();
        Progress = error;
        using var input = new StringReader(Input);
        var code = await CommandLine.RunAsync(Surroundings(output, error, input), arguments, Keyboard.Token);
        return new CtlResult(code, output.ToString(), error.ToString());
    }

    /// <summary>What the program sees of this world.</summary>
    public Surroundings Surroundings(TextWriter output, TextWriter error, TextReader input) => new()
    {
        Out = output,
        Error = error,
        In = input,
        OutIsTerminal = IsTerminal,
        ErrorIsTerminal = IsTerminal,
        Variable = name => Variables.GetValueOrDefault(name),
        Time = Time,
        Random = () => 0,
        Entropy = Fill,
        Locate = (_, _) => new KubeEndpoint(new Uri("https://control.test")),
        Dial = _ => Between(_server.CreateHandler(UserInfo.Admin)),
        Run = (program, arguments, _) =>
        {
            Started.Add((program, arguments));
            return Task.FromResult(ProgramCode);
        },
        ProgramName = ProgramName,
    };

    /// <summary>Puts a cluster into the tree as the root would.</summary>
    public async Task AddClusterAsync(string name, string? parent, string status = "online", string[]? tags = null, string[]? path = null, string? listen = null)
    {
        var tagList = new JsonArray([.. (tags ?? []).Select(tag => (JsonNode)tag)]);
        var obj = new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1",
            ["kind"] = "Cluster",
            ["metadata"] = new JsonObject { ["name"] = name },
            ["spec"] = new JsonObject { ["name"] = name },
        };
        var created = await Api.CreateAsync(Kinds.Clusters, null, obj, Stop);
        created["status"] = new JsonObject { ["status"] = status, ["tags"] = tagList, ["listen"] = listen ?? $"{name}.test:8287", ["version"] = "0.1.0" };
        if (parent is not null)
        {
            created["status"]!["parentName"] = parent;
        }

        if (path is not null)
        {
            created["status"]!["path"] = new JsonArray([.. path.Select(step => (JsonNode)step)]);
        }

        await Api.ReplaceStatusAsync(Kinds.Clusters, created, Stop);
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        Controller.Dispose();
        Keyboard.Dispose();
        await _server.DisposeAsync();
    }

    private void Fill(Span<byte> bytes)
    {
        foreach (ref var b in bytes)
        {
            b = _entropy++;
        }
    }
}
