using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Node;
using Ote.Node.Doctor;
using Ote.Node.Install;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.Node.Install;

/// <summary>A machine below a folder of its own, on which a hub is installed, looked at and taken away.</summary>
public abstract class InstallableNode : IDisposable
{
    private protected const string Kubelet = "kubelet.service";
    private protected readonly Scratch _folder = new("install");
    private protected readonly FakeTimeProvider _time = new();
    private protected readonly RecordedServices _services = new();
    private protected readonly List<string> _said = [];
    private protected readonly NodePaths _paths;
    private protected readonly string _program;
    private protected bool _answers = true;
    private protected bool _isAsked = true;
    private protected string? _unfit;
    private protected string[] _warnings = [];
    private protected string? _site;
    private protected string? _unforgotten;
    private protected Func<string, IPEndPoint?, string?>? _othersHave;
    private protected NodeAnnotations? _forgotten;

    protected InstallableNode()
    {
        _paths = new NodePaths(_folder["root"]);
        _program = Path.Combine(_folder["published"], "ote-node");
        Publish("the executable");
        Directory.CreateDirectory(_paths.Units);
        Directory.CreateDirectory(_paths.Systemd);
    }

    private protected static CancellationToken Token => TestContext.Current.CancellationToken;

    private protected static string[] Arguments => ["--kubeconfig", "/etc/kubernetes/kubelet.conf"];

    public void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>What the kubelet's process was started with.</summary>
    private protected void Runs(params string[] words)
    {
        Directory.CreateDirectory(Path.Combine(_paths.Processes, "7"));
        File.WriteAllText(Path.Combine(_paths.Processes, "7", "cmdline"), string.Join('\0', words) + '\0');
    }

    private protected async Task<string> ExamineAsync(NodePaths paths, string kubelet = Kubelet) =>
        DoctorCommand.Text(await new Examination(paths, _services, AnswerAsync, _ => 1_000_000_000, _time).LookAsync(kubelet, Token));

    private protected static void WriteKubeconfig(string file, string server) => File.WriteAllText(
        file, $$$"""{"current-context":"x","contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":{"server":"{{{server}}}"}}],"users":[{"name":"u","user":{"token":"t"}}]}""");

    private protected Task InstallAsync() => InstallAsync(_paths, Arguments);

    private protected async Task InstallAsync(NodePaths paths, IReadOnlyList<string> arguments, string? program = null)
    {
        var installing = Made(paths).InstallAsync(program ?? _program, arguments, "/etc/kubernetes/kubelet.conf", Kubelet, Token);
        while (!installing.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await installing;
    }

    private protected Removal Taken(NodePaths? paths = null) => new(paths ?? _paths, _services, (annotations, _) => Task.FromResult(_unforgotten ?? Forgotten(annotations)), _said.Add);

    private protected string? Forgotten(NodeAnnotations annotations)
    {
        Assert.Equal("disable --now ote-node.service", _services.Changed.Reverse().Skip(1).First()); // a hub that runs would write them again
        _forgotten = annotations;
        return null;
    }

    /// <summary>A published executable, with the library that it loads.</summary>
    private protected void Publish(string executable)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_program)!);
        File.WriteAllText(_program, executable);
        File.WriteAllText(Path.Combine(Path.GetDirectoryName(_program)!, "libe_sqlite3.so"), $"{executable}'s library");
    }

    /// <summary>What there is of the hub on the machine.</summary>
    private protected List<string> Left() =>
    [
        .. new[] { "usr/local/bin", "usr/local/lib", "etc/systemd/system", "etc/kubernetes", "var/lib" }.Select(folder => Path.Combine(_paths.Root, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal)).Where(path => !path.EndsWith(".d", StringComparison.Ordinal)),
    ];

    /// <summary>Each server answers, and the hub knows the Node with the label of its site.</summary>
    private protected Task<BriefAnswer> AnswerAsync(KubeEndpoint server, string path, CancellationToken ct) =>
        Task.FromResult(new BriefAnswer(200, "", new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["ote.baidu.com/site"] = _site } } }.ToJsonString()));

    private protected Installation Made(NodePaths? paths = null) => new(paths ?? _paths, _services, (_, _, _) => Task.FromResult(new HubTrialResult(_unfit, _warnings)), (_, _) => Task.FromResult(_answers), _ => _isAsked, (_, _, _) => Task.FromResult(_site), (data, listen) => _othersHave?.Invoke(data, listen), _said.Add, _time);
}
