using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>
/// How a node stood before an installation, and how it is put back when that fails: one that had no hub has none that runs or starts by itself, one that had goes on with that. What cannot be put back keeps nothing else from being so.
/// </summary>
internal sealed class FormerHub
{
    private readonly NodePaths _paths;
    private readonly InstalledProgram _program;
    private readonly bool _hadData;
    private readonly IServices _services;
    private readonly Action<string> _say;
    private readonly string _kubelet;
    private readonly string? _unit;
    private readonly string? _dropIn;
    private readonly bool _isEnabled;
    private readonly bool _isActive;
    private readonly List<string> _faults = [];

    private FormerHub(NodePaths paths, InstalledProgram program, IServices services, Action<string> say, string kubelet, bool isEnabled, bool isActive)
    {
        (_paths, _program, _services, _say, _kubelet, _isEnabled, _isActive) = (paths, program, services, say, kubelet, isEnabled, isActive);
        _hadData = Directory.Exists(paths.Data);
        _unit = paths.UnitText();
        _dropIn = File.Exists(paths.DropIn(kubelet)) ? File.ReadAllText(paths.DropIn(kubelet)) : null;
    }

    /// <summary>Whether the kubelet has been started since with what the installation wrote.</summary>
    public bool IsKubeletStarted { get; set; }

    /// <summary>Looks how it stands, and keeps the texts that the installation is about to take the place of.</summary>
    public static async Task<FormerHub> KeepAsync(NodePaths paths, InstalledProgram program, IServices services, Action<string> say, string kubelet, CancellationToken ct)
    {
        var isThere = File.Exists(paths.Unit);
        var isEnabled = isThere && await services.TryAsync(["is-enabled", HubUnit.Name], ct).ConfigureAwait(false) is not null;
        var isActive = isThere && await services.TryAsync(["is-active", HubUnit.Name], ct).ConfigureAwait(false) is not null;
        return new FormerHub(paths, program, services, say, kubelet, isEnabled, isActive);
    }

    /// <summary>Puts the node back, and says how it stands then and what the next step is.</summary>
    /// <returns>False: not all of it could be; that was said too.</returns>
    public async Task<bool> PutBackAsync()
    {
        await (_unit is null ? RemoveAsync() : RestoreAsync(_unit)).ConfigureAwait(false);
        foreach (var fault in _faults)
        {
            _say($"NOT put back: {fault}");
        }

        return _faults.Count == 0;
    }

    private async Task RemoveAsync()
    {
        var isLed = File.Exists(_paths.DropIn(_kubelet));
        Remove(_paths.DropIn(_kubelet));
        if (isLed)
        {
            await RunAsync("daemon-reload").ConfigureAwait(false);
        }

        if (IsKubeletStarted)
        {
            await RunAsync("restart", _kubelet).ConfigureAwait(false); // before the hub goes that it may be asking
        }

        if (File.Exists(_paths.Unit))
        {
            await RunAsync("disable", "--now", HubUnit.Name).ConfigureAwait(false);
        }

        // What could not be stopped, or is still asked, keeps what it runs from and lives by.
        if (_faults.Count == 0)
        {
            Remove(_paths.Unit);
            await RunAsync("daemon-reload").ConfigureAwait(false);
            Try(_program.PutBack);
            Clear(_paths.Kubeconfigs);
            // What a kubelet may have written by the hub is not thrown away.
            if (!_hadData && !IsKubeletStarted && Directory.Exists(_paths.Data) && NodePaths.StrangeIn(_paths.Data) is null)
            {
                Clear(_paths.Data);
            }

            _say($"put back: {_kubelet} asks the API server as before, and its pods were not touched; {HubUnit.Name} is stopped and removed");
        }

        string[] left = [.. new[] { _paths.Programs, _paths.Unit, _paths.Kubeconfigs, _paths.Data }.Where(Path.Exists)];
        _say(left.Length == 0 ? "nothing of the hub is left" : $"left: {string.Join(", ", left)}");
        _say("next: `ote-node install` once more when the cause below is mended" + (left.Length == 0 ? "" : ", or `ote-node uninstall --purge` to remove what is left"));
    }

    private async Task RestoreAsync(string unit)
    {
        Try(() => File.WriteAllText(_paths.Unit, unit));
        Try(_program.PutBack);
        if (_dropIn is null)
        {
            Remove(_paths.DropIn(_kubelet));
        }
        else
        {
            Try(() => File.WriteAllText(_paths.DropIn(_kubelet), _dropIn));
        }

        await RunAsync("daemon-reload").ConfigureAwait(false);
        if (!_isEnabled)
        {
            await RunAsync("disable", HubUnit.Name).ConfigureAwait(false);
        }

        await RunAsync(_isActive ? "restart" : "stop", HubUnit.Name).ConfigureAwait(false);
        if (IsKubeletStarted)
        {
            await RunAsync("restart", _kubelet).ConfigureAwait(false);
        }

        if (_faults.Count == 0)
        {
            _say($"put back: {HubUnit.Name} as it was installed before, which {(_isActive ? "runs" : "does not run, as before")}; {_kubelet} asks {(_dropIn is null ? "the API server" : "the hub")} as before, and its pods were not touched");
        }

        _say("next: `ote-node doctor` says how they stand; `ote-node install` once more when the cause below is mended");
    }

    /// <summary>Nothing that is asked to stop keeps this from being done: the node would be left half way.</summary>
    private async Task RunAsync(params string[] arguments)
    {
        try
        {
            if (await _services.RunAsync(arguments, CancellationToken.None).ConfigureAwait(false) is { Succeeded: false } failed)
            {
                _faults.Add($"`systemctl {string.Join(' ', arguments)}` failed ({failed.Error}); run it by hand");
            }
        }
        catch (RoleException late)
        {
            _faults.Add(late.Message);
        }
    }

    private void Remove(string file)
    {
        if (File.Exists(file))
        {
            Try(() => File.Delete(file));
        }
    }

    private void Clear(string folder)
    {
        if (Directory.Exists(folder))
        {
            Try(() => Directory.Delete(folder, recursive: true));
        }
    }

    private void Try(Action step)
    {
        try
        {
            step();
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            _faults.Add(RoleFaults.Line(refused));
        }
    }
}
