using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Faults;
using Ote.SystemTests.Kubernetes;
using Ote.Testing;

namespace Ote.SystemTests.EdgeCluster;

/// <summary>The recoveries of docs/operate/disk-trouble.md, on real processes: a full disk, one that may not be written, a database that is damaged.</summary>
public sealed class DiskTroubleTests : IAsyncDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private readonly Scratch _scratch = new("disk-trouble");
    private SmallDisk? _disk;
    private ProductProcess? _process;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Full_disk_refuses_writes_and_nothing_else_and_takes_them_again_without_a_restart()
    {
        await StartOnDiskAsync();
        using HttpClient http = Http();
        using KubeClient client = new(Http());
        ConcurrentQueue<string> watched = [];
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        Task watching = WatchAsync(watched, enough.Token);
        await client.CreateAsync(Kinds.ConfigMaps, "default", Map("before", 1000), Ct);

        await _disk!.FillAsync(Ct);
        (HttpResponseMessage refused, string lost) = await WriteUntilRefusedAsync(http);
        using HttpResponseMessage held = refused;
        JsonObject status = (JsonObject)JsonNode.Parse(await refused.Content.ReadAsStringAsync(Ct))!;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter?.Delta);
        Assert.Equal("ServiceUnavailable", status.Text("reason"));
        Assert.Equal(
            $"The database {_disk.Inside}/data/objects.db cannot be written: no room is left for it. Nothing of this was stored; make room on its disk, no restart is needed.",
            status.Text("message"));
        Assert.Equal((500, "[+]ping ok\n[+]log ok\n[-]etcd failed: disk full\nreadyz check failed\n"), await GetAsync(http, "readyz"));
        Assert.Equal((200, "ok"), await GetAsync(http, "livez"));
        Assert.Null(await client.GetAsync(Kinds.ConfigMaps, "default", lost, Ct));
        Assert.DoesNotContain(lost, await NamesAsync(client));

        _disk.Free();
        await client.CreateAsync(Kinds.ConfigMaps, "default", Map("after", 100_000), Ct);
        Assert.Equal((200, "ok"), await GetAsync(http, "readyz"));
        string[] stored = await NamesAsync(client);
        await UntilAsync(() => watched.Contains("after"), "the watch to go on");
        await enough.CancelAsync();
        await watching;
        Assert.Equal(stored.Where(name => name != "kube-root-ca.crt"), watched.Where(name => name != "kube-root-ca.crt").Order(StringComparer.Ordinal));

        await _process!.KillAsync();
        await _process.StartAsync();
        await _process.WaitForLineAsync("ready: edge cluster", s_soon, Ct);
        using KubeClient again = new(Http());
        Assert.Equal(stored, await NamesAsync(again));
    }

    [Fact]
    public async Task Read_only_disk_ends_a_start_with_one_line()
    {
        await StartOnDiskAsync();
        Assert.Equal(0, await _process!.StopAsync(s_soon));
        await _disk!.MakeReadOnlyAsync(Ct);

        string line = await RefusedAsync(_disk.Within, $"{_disk.Inside}/data");

        Assert.Contains($"{_disk.Inside}/data", line, StringComparison.Ordinal);
        Assert.Contains("Read-only file system", line, StringComparison.Ordinal);
        Assert.Contains("choose a directory that this user may write to", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damaged_database_ends_a_start_with_one_line_and_a_copy_of_the_directory_starts()
    {
        string data = _scratch["data"], copy = _scratch["copy"];
        await StartAsync(data, []);
        using (KubeClient client = new(Http(data)))
            await client.CreateAsync(Kinds.ConfigMaps, "default", Map("kept", 1000), Ct);
        Assert.Equal(0, await _process!.StopAsync(s_soon));
        (await CommandLine.RunAsync("cp", ["-a", data, copy], null, null, s_soon, Ct)).Succeeded();
        await using (FileStream file = new(Path.Combine(data, "objects.db"), FileMode.Open, FileAccess.Write))
            await file.WriteAsync(new byte[4096], Ct);

        string line = await RefusedAsync([], data);
        Assert.Contains($"The database {data}/objects.db is damaged: it is not a SQLite database. Restore a backup", line, StringComparison.Ordinal);

        Directory.Delete(data, recursive: true);
        Directory.Move(copy, data);
        await _process.DisposeAsync();
        await StartAsync(data, []);
        using KubeClient again = new(Http(data));
        Assert.NotNull(await again.GetAsync(Kinds.ConfigMaps, "default", "kept", Ct));
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        if (_disk is not null)
            await _disk.DisposeAsync();
        _scratch.Dispose();
    }

    private static string[] Arguments(string data) => ["edge-cluster", "--name", "small", "--data", data, "--nodes", "1"];

    private static JsonObject Map(string name, int bytes) => new() { ["metadata"] = new JsonObject { ["name"] = name }, ["data"] = new JsonObject { ["text"] = new string('x', bytes) } };

    private static async Task<(int Code, string Text)> GetAsync(HttpClient http, string path)
    {
        using HttpResponseMessage answer = await http.GetAsync(new Uri(path, UriKind.Relative), Ct);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Ct));
    }

    private static async Task<string[]> NamesAsync(KubeClient client) =>
        [.. (await client.ListAsync(Kinds.ConfigMaps, "default", new ListQuery(), Ct)).Items.Select(o => o.Name()).Order(StringComparer.Ordinal)];

    private static Task UntilAsync(Func<bool> condition, string what) => Eventually.HoldsAsync(condition, what, s_soon, Ct);

    /// <summary>The log of the database may have some room left of its own: it is used up first.</summary>
    private static async Task<(HttpResponseMessage Refused, string Name)> WriteUntilRefusedAsync(HttpClient http)
    {
        for (int i = 0; i < 200; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"large-{i:000}");
            HttpResponseMessage answer = await http.PostAsync(
                new Uri("api/v1/namespaces/default/configmaps", UriKind.Relative), new StringContent(Map(name, 300_000).ToJsonString(), null, "application/json"), Ct);
            if (!answer.IsSuccessStatusCode)
                return (answer, name);
            answer.Dispose();
        }

        throw new InvalidOperationException("60 MB were written to a disk of 24 MB");
    }

    private async Task StartOnDiskAsync()
    {
        _disk = await SmallDisk.StartAsync(_scratch.Path, 24, Ct);
        await StartAsync($"{_disk.Inside}/data", _disk.Within);
    }

    private async Task StartAsync(string data, IReadOnlyList<string> within)
    {
        _process = new ProductProcess("small", "ote", Arguments(data), _scratch.Path) { Within = within };
        await _process.StartAsync();
        await _process.WaitForLineAsync("ready: edge cluster", s_soon, Ct);
    }

    /// <summary>Starts it once more, which must fail; returns the only line it says.</summary>
    private static async Task<string> RefusedAsync(IReadOnlyList<string> within, string data)
    {
        string[] command = [.. within, "dotnet", Repository.Executable("ote"), .. Arguments(data)];
        CommandResult run = await CommandLine.RunAsync(command[0], command[1..], null, null, s_soon, Ct);
        Assert.Equal(2, run.ExitCode);
        Assert.Empty(run.Out);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("error: ", run.Error, StringComparison.Ordinal);
        return run.Error;
    }

    private HttpClient Http(string? data = null) => Kubeconfig.Load(Path.Combine(data ?? $"{_disk!.Outside}/data", "kubeconfig")).CreateHttpClient(TimeProvider.System);

    private async Task WatchAsync(ConcurrentQueue<string> names, CancellationToken ct)
    {
        using HttpClient http = Http();
        http.Timeout = Timeout.InfiniteTimeSpan;
        try
        {
            await using Stream stream = await http.GetStreamAsync(new Uri("api/v1/namespaces/default/configmaps?watch=true", UriKind.Relative), ct);
            using StreamReader lines = new(stream);
            while (await lines.ReadLineAsync(ct) is { } line)
            {
                JsonNode change = JsonNode.Parse(line)!;
                Assert.Equal("ADDED", (string?)change["type"]);
                names.Enqueue((string)change["object"]!["metadata"]!["name"]!);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // All that was waited for has come.
        }
    }
}
