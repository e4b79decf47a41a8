using Ote.EdgeHub.Offline;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Testing.Simulation;

namespace Ote.Testing.NodeCuts;

/// <summary>The hub of the node, as it ships, over the processes that it runs in. One that is killed leaves what was on its disk at that moment, and does nothing any more. One thread.</summary>
internal sealed class HubProcess : IAsyncDisposable
{
    private readonly CutWorld _world;
    private readonly string _folder;
    private readonly List<Task> _ending = [];
    private readonly List<HubLog> _logs = [];
    private string _data;
    private HubLog? _log;
    private SimClock? _clock;
    private bool _isRefused;
    private bool _isSilent;
    private bool _isDeaf;

    public HubProcess(CutWorld world, string folder)
    {
        (_world, _folder) = (world, folder);
        _data = Path.Combine(folder, "data");
        // Named for whom it is of: a component with a token is called by its file.
        File.WriteAllText(
            Kubeconfig,
            $$"""{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":"https://api"} }],"users":[{"name":"u","user":{"token":"{{CutWorld.Token}}"} }],"contexts":[{"name":"x","context":{"cluster":"c","user":"u"} }],"current-context":"x"}""");
    }

    /// <summary>The hub; null while none runs.</summary>
    public EdgeHub.EdgeHub? Hub { get; private set; }

    /// <summary>Its way to the API server; null while none runs.</summary>
    public Wire? Uplink { get; private set; }

    /// <summary>What requests to it arrive at; null while none runs.</summary>
    public HttpMessageHandler? Door { get; private set; }

    /// <summary>Whether the node is as the API server has it.</summary>
    public bool IsConnected => Hub?.State == ConnectionState.Connected;

    /// <summary>What all its processes said.</summary>
    public IReadOnlyList<HubLog> Logs => _logs;

    /// <summary>Whether the cable is in.</summary>
    public bool IsHealed => !_isRefused && !_isSilent && !_isDeaf;

    private string Kubeconfig => Path.Combine(_folder, CutWorld.Kubelet);

    /// <summary>Starts a process on what is on the disk. Nothing when one runs.</summary>
    public void Start()
    {
        if (Hub is not null)
        {
            return;
        }

        var clock = _clock = new SimClock(_world.Timeline, 2);
        Uplink = new Wire(clock, _world.Latency, () => _world.ApiDoor);
        Apply();
        Hub = EdgeHub.EdgeHub.Start(
            new EdgeHub.EdgeHubOptions
            {
                NodeName = CutWorld.Node, DataDirectory = _data, Servers = [new Uri("https://api/")], Kubeconfigs = [Kubeconfig], Transport = Uplink.CreateHandler, NewUid = _world.NewUid,
            },
            _log = new HubLog(_world.Story, _logs.Count + 1), clock, _world.Random);
        _logs.Add(_log);
        Door = new Forgetful(_world, new InProcessHandler(Hub.HandleAsync, new UserInfo("nobody", [])));
        _world.Story.Tell($"hub {_logs.Count} starts with {Hub.Journalled} to tell");
    }

    /// <summary>The cable is pulled: what is open breaks, and what comes is refused.</summary>
    public void Cut() => Fault("is cut", refused: true);

    /// <summary>The cable is pulled so that nobody is told.</summary>
    public void Silence() => Fault("goes silent", silent: true);

    /// <summary>What the API server answers is lost.</summary>
    public void LoseAnswers() => Fault("loses answers", deaf: true);

    /// <summary>The cable is put in again; what waited on a silent one goes on.</summary>
    public void Heal()
    {
        (_isRefused, _isSilent, _isDeaf) = (false, false, false);
        Uplink?.Heal();
        _world.Story.Tell("the uplink is whole");
    }

    /// <summary>Its process ends, wherever it is; the next one finds what was on the disk.</summary>
    public void Kill()
    {
        if (Hub is not { } hub)
        {
            return;
        }

        _world.Story.Tell($"hub {_logs.Count} is killed while {hub.State}, with {hub.Journalled} to tell");
        var next = Path.Combine(_folder, $"data{_logs.Count}");
        Copy(_data, next);
        _data = next;
        _world.LocalWire.Break();
        Forget();
        _ending.Add(hub.DisposeAsync().AsTask());
    }

    /// <summary>Its process ends in good order.</summary>
    public async Task StopAsync()
    {
        if (Hub is not { } hub)
        {
            return;
        }

        _world.Story.Tell($"hub {_logs.Count} stops while {hub.State}, with {hub.Journalled} to tell");
        Door = null;
        _world.LocalWire.Break(); // As a listener does that ends.
        await hub.DisposeAsync().ConfigureAwait(false);
        Forget();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        await Task.WhenAll(_ending).ConfigureAwait(false);
    }

    private void Forget()
    {
        var (uplink, clock) = (Uplink!, _clock!);
        (Hub, Door, Uplink, _clock, _log!.IsOver) = (null, null, null, null, true);
        uplink.Cut();
        clock.Stop();
    }

    private void Fault(string what, bool refused = false, bool silent = false, bool deaf = false)
    {
        (_isRefused, _isSilent, _isDeaf) = (_isRefused || refused, _isSilent || silent, _isDeaf || deaf);
        _world.Story.Tell("the uplink " + what);
        Apply();
    }

    private void Apply()
    {
        if (_isSilent)
        {
            Uplink?.Silence();
        }

        if (_isDeaf)
        {
            Uplink?.LoseAnswers();
        }

        if (_isRefused)
        {
            Uplink?.Cut();
        }
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var file in Directory.EnumerateFiles(from).Where(file => !file.EndsWith("-shm", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        foreach (var folder in Directory.EnumerateDirectories(from))
        {
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
        }
    }
}
