using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>
/// How a node stood before an installation, and how it is put back when that fails: one that had no hub has none that runs or starts by itself, one that had goes on with that. What cannot be put back keeps nothing else from being so.
/// </summary>
internal sealed class FormerHub
{
    /// <summary>The kubelet waits for it meanwhile.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private readonly NodePaths _paths;
    private readonly InstalledProgram _program;
    private readonly bool _hadData;
    private readonly HubStart _start;
    private readonly Action<string> _say;
    private readonly string _kubelet;
    private readonly string? _unit;
    private readonly string? _dropIn;
    private readonly bool _isEnabled;
    private readonly bool _isActive;
    private readonly StepsBack _steps;

    private FormerHub(NodePaths paths, InstalledProgram program, IServices services, HubStart start, Action<string> say, string kubelet, bool isEnabled, bool isActive)
    {
        (_paths, _program, _steps, _start, _say, _kubelet, _isEnabled, _isActive) = (paths, program, new StepsBack(services), start, say, kubelet, isEnabled, isActive);
        _hadData = Directory.Exists(paths.Data);
        _unit = paths.UnitText();
        _dropIn = File.Exists(paths.DropIn(kubelet)) ? File.ReadAllText(paths.DropIn(kubelet)) : null;
    }

    /// <summary>Whether the kubelet has been started since with what the installation wrote.</summary>
    public bool IsKubeletStarted { get; set; }

    /// <summary>Looks how it stands, and keeps the texts that the installation is about to take the place of.</summary>
    public static async Task<FormerHub> KeepAsync(NodePaths paths, InstalledProgram program, IServices services, HubStart start, Action<string> say, string kubelet, CancellationToken ct)
    {
        var isThere = File.Exists(paths.Unit);
        var isEnabled = isThere && await services.TryAsync(["is-enabled", HubUnit.Name], ct).ConfigureAwait(false) is not null;
        var isActive = isThere && await services.TryAsync(["is-active", HubUnit.Name], ct).ConfigureAwait(false) is not null;
        return new FormerHub(paths, program, services, start, say, kubelet, isEnabled, isActive);
    }

    /// <summary>Puts the node back, and says how it stands then and what the next step is.</summary>
    /// <returns>False: not all of it could be; that was said too.</returns>
    public async Task<bool> PutBackAsync()
    {
        await (_unit is null ? RemoveAsync() : RestoreAsync(_unit)).ConfigureAwait(false);
        foreach (var fault in _steps.Faults)
        {
            _say($"NOT put back: {fault}");
        }

        return _steps.Faults.Count == 0;
    }

    private async Task RemoveAsync()
    {
        var isLed = File.Exists(_paths.DropIn(_kubelet));
        _steps.Remove(_paths.DropIn(_kubelet));
        if (isLed)
        {
            await _steps.RunAsync("daemon-reload").ConfigureAwait(false);
        }

        if (IsKubeletStarted)
        {
            await _steps.RunAsync("restart", _kubelet).ConfigureAwait(false); // before the hub goes that it may be asking
        }

        if (File.Exists(_paths.Unit))
        {
            await _steps.RunAsync("disable", "--now", HubUnit.Name).ConfigureAwait(false);
        }

        // What could not be stopped, or is still asked, keeps what it runs from and lives by.
        if (_steps.Faults.Count == 0)
        {
            _steps.Remove(_paths.Unit);
            await _steps.RunAsync("daemon-reload").ConfigureAwait(false);
            _steps.Try(_program.PutBack);
            _steps.Clear(_paths.Kubeconfigs);
            // What a kubelet may have written by the hub is not thrown away.
            if (!_hadData && !IsKubeletStarted && Directory.Exists(_paths.Data) && NodePaths.StrangeIn(_paths.Data) is null)
            {
                _steps.Clear(_paths.Data);
            }

            _say($"put back: {_kubelet} asks the API server as before, and its pods were not touched; {HubUnit.Name} is stopped and removed");
        }

        string[] left = [.. new[] { _paths.Programs, _paths.Unit, _paths.Kubeconfigs, _paths.Data }.Where(Path.Exists)];
        _say(left.Length == 0 ? "nothing of the hub is left" : $"left: {string.Join(", ", left)}");
        _say("next: `ote-node install` once more when the cause below is mended" + (left.Length == 0 ? "" : ", or `ote-node uninstall --purge` to remove what is left"));
    }

    private async Task RestoreAsync(string unit)
    {
        _steps.Try(() => File.WriteAllText(_paths.Unit, unit));
        _steps.Try(_program.PutBack);
        if (_dropIn is null)
        {
            _steps.Remove(_paths.DropIn(_kubelet));
        }
        else
        {
            _steps.Try(() => File.WriteAllText(_paths.DropIn(_kubelet), _dropIn));
        }

        await _steps.RunAsync("daemon-reload").ConfigureAwait(false);
        if (!_isEnabled)
        {
            await _steps.RunAsync("disable", HubUnit.Name).ConfigureAwait(false);
        }

        await (_isActive ? StartAsync(unit) : _steps.RunAsync("stop", HubUnit.Name)).ConfigureAwait(false);
        if (IsKubeletStarted)
        {
            await _steps.RunAsync("restart", _kubelet).ConfigureAwait(false);
        }

        if (_steps.Faults.Count == 0)
        {
            _say($"put back: {HubUnit.Name} as it was installed before, which {(_isActive ? "runs" : "does not run, as before")}; {_kubelet} asks {(_dropIn is null ? "the API server" : "the hub")} as before, and its pods were not touched");
        }

        _say("next: `ote-node doctor` says how they stand; `ote-node install` once more when the cause below is mended");
    }

    /// <summary>It is said to run when it answers.</summary>
    private async Task StartAsync(string unit)
    {
        try
        {
            var kubeconfig = Path.Combine(_paths.Kubeconfigs, Path.GetFileName(HubUnit.KubeconfigsOf(unit).FirstOrDefault() ?? ""));
            if (await _start.RunAsync(kubeconfig, Soon, CancellationToken.None).ConfigureAwait(false) is { } silent)
            {
                _steps.Fail($"the hub that was installed before was started again, and {silent}");
            }
        }
        catch (RoleException late)
        {
            _steps.Fail(late.Message);
        }
    }
}
