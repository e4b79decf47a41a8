using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Bench.Load;

namespace Ote.Bench.Store;

/// <summary>Many watches of one kind, while its objects change: how long after it was asked for each change reaches each watcher.</summary>
/// <param name="api">The server.</param>
/// <param name="time">The clock.</param>
internal sealed class Watchers(ApiUnderTest api, TimeProvider time)
{
    private const int Objects = 50;
    private const string Path = "api/v1/namespaces/default/configmaps";

    /// <summary>Changes that reached watchers.</summary>
    public long Delivered { get; private set; }

    /// <summary>The delay that half of the deliveries did not exceed, in milliseconds.</summary>
    public double Median { get; private set; }

    /// <summary>CPU that the server's processes used for the changes and their deliveries, in milliseconds for a thousand deliveries.</summary>
    public double ServerCpu { get; private set; }

    /// <summary>The same of the process that reads them.</summary>
    public double ReaderCpu { get; private set; }

    /// <summary>Runs it.</summary>
    /// <param name="count">Watchers, besides the one that does not read.</param>
    /// <param name="perSecond">Changes a second.</param>
    /// <param name="duration">How long.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>The delay that 99 of 100 deliveries did not exceed, in milliseconds.</returns>
    public async Task<double> RunAsync(int count, int perSecond, TimeSpan duration, CancellationToken ct)
    {
        for (var i = 0; i < Objects; i++)
        {
            await api.CreateAsync(Path, Samples.ConfigMap(Name(i)), ct);
        }

        using var stuck = await api.OpenAsync(Path + "?watch=true", ct); // and nobody reads it
        await using var readers = ChildProcess.Start("watch", environment: WatchProgram.Environment);
        await readers.AskAsync(new JsonObject { ["do"] = "open", ["kubeconfig"] = api.Kubeconfig, ["path"] = Path + "?watch=true", ["count"] = count }, ct);
        await Task.Delay(TimeSpan.FromSeconds(3), time, ct); // what is there already
        await readers.AskAsync(new JsonObject { ["do"] = "clear" }, ct);
        var (server, reader) = (api.Cpu, ApiUnderTest.CpuOf(readers.Id));
        var changes = (int)(perSecond * duration.TotalSeconds);
        await ChangeAsync(changes, perSecond, ct);
        var patience = time.GetTimestamp();
        JsonObject stats;
        do
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, ct);
            stats = await readers.AskAsync(new JsonObject { ["do"] = "stats" }, ct);
            Delivered = (long)stats["delivered"]!;
        }
        while (Delivered < (long)changes * count && time.GetElapsedTime(patience) < TimeSpan.FromSeconds(10));

        ServerCpu = (api.Cpu - server) * 1000 / Delivered;
        ReaderCpu = (ApiUnderTest.CpuOf(readers.Id) - reader) * 1000 / Delivered;
        Median = (double)stats["half"]!;
        return (double)stats["most"]!;
    }

    private static string Name(int i) => string.Create(CultureInfo.InvariantCulture, $"often-{i}");

    private async Task ChangeAsync(int changes, int perSecond, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        List<Task> writing = [];
        for (var i = 0; i < changes; i++)
        {
            var due = TimeSpan.FromSeconds((double)i / perSecond) - time.GetElapsedTime(began);
            if (due > TimeSpan.Zero)
            {
                await Task.Delay(due, time, ct);
            }

            var body = string.Create(CultureInfo.InvariantCulture, $$$"""{"data":{"at":"{{{WatchProgram.Now(time)}}}"}}""");
            writing.Add(api.PatchAsync($"{Path}/{Name(i % Objects)}", Encoding.UTF8.GetBytes(body), ct));
        }

        await Task.WhenAll(writing);
    }
}
