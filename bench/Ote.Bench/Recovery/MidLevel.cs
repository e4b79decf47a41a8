using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Bench.Load;
using Ote.Bench.Root;

namespace Ote.Bench.Recovery;

/// <summary>A controller between the root and the children: a process of its own with its journal on disk, which can be killed and started again at its address.</summary>
internal sealed class MidLevel : IAsyncDisposable
{
    private readonly string _folder;
    private readonly RootServer _root;
    private ChildProcess _process;
    private string _address = "";

    private MidLevel(string folder, int number, RootServer root)
    {
        (_folder, _root, Prefix) = (folder, root, string.Create(CultureInfo.InvariantCulture, $"mid{number}"));
        _process = ChildProcess.Start("serve", folder);
    }

    public string Address => $"https://{_address}";

    /// <summary>Its name in the tree.</summary>
    public string Name => Prefix + "-0000";

    private string Prefix { get; }

    public static async Task<MidLevel> StartAsync(string folder, int number, RootServer root, CancellationToken ct)
    {
        var mid = new MidLevel(folder, number, root);
        await mid.ServeAsync(0, ct);
        return mid;
    }

    /// <summary>kill -9; completes when it is gone.</summary>
    public Task KillAsync(CancellationToken ct) => _process.KillAsync(ct);

    /// <summary>Starts it again; completes when it is attached to the root.</summary>
    public async Task StartAgainAsync(CancellationToken ct)
    {
        await _process.DisposeAsync();
        _process = ChildProcess.Start("serve", _folder);
        await ServeAsync(int.Parse(_address.Split(':')[^1], CultureInfo.InvariantCulture), ct);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private async Task ServeAsync(int port, CancellationToken ct)
    {
        var at = await _process.ConnectAsync("level", [$"https://{_root.EndPoint}"], _root.IdentityDirectory, 1, ct, (JsonObject request) =>
        {
            (request["prefix"], request["folder"], request["port"]) = (Prefix, _folder, port);
        });
        _address = new Uri(at.Texts("servers")[0]).Authority;
    }
}
