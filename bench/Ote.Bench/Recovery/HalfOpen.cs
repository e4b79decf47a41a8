using Ote.Bench.Load;
using Ote.Bench.Root;
using Ote.Bench.Serve;
using Ote.Cluster.Tunnel;
using Ote.Kube.Objects;
using Ote.Testing.Links;

namespace Ote.Bench.Recovery;

/// <summary>Links through a proxy that swallows what passes, as behind a router that has died: nobody is told that they are gone.</summary>
internal static class HalfOpen
{
    private const int Count = 50;
    private const double MostSeconds = 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(10);

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, CancellationToken ct)
    {
        await using var root = await RootServer.StartAsync(Path.Combine(around.Folder, "half-open"), around, ct);
        await using var proxy = new SwallowingProxy(root.EndPoint);
        await using var load = ChildProcess.Start("load");
        await load.ConnectAsync("links", [$"https://127.0.0.1:{proxy.Port}"], root.IdentityDirectory, Count, ct);
        await root.WaitOnlineAsync(Count, ct);
        await Task.Delay(Settle, around.Time, ct);

        // First only the connections there are: the way is free again at once, while the parent still holds its end of the former link.
        using var refusals = new InstrumentCounter("Ote.Cluster.Tunnel", "ote.tunnel.refusals");
        var cut = around.Time.GetTimestamp();
        proxy.SwallowPresent();
        var replaced = await load.UntilAsync(all => all.All(s => s.Since > cut && s.Parent is not null), Patience, around.Time, ct);
        await root.WaitOnlineAsync(Count, ct);
        var refused = refusals.Sum;
        await Task.Delay(Settle, around.Time, ct);

        // Then for good, so that the parent has to notice by itself.
        var silent = around.Time.GetTimestamp();
        var offline = OfflineAsync(around, root, ct);
        proxy.GoSilent();
        var lost = await load.UntilAsync(all => all.All(s => s.LostAt > silent), Patience, around.Time, ct);
        var lease = new TunnelOptions().Lease.TotalSeconds;
        return
        [
            Row.WithLimit($"{Count} links half open: the last child noticed after (baseline: the lease)", lost.Select(s => s.LostAt).Percentile(1, silent, around.Time), "s", MostSeconds, lease),
            Row.WithLimit("  the last was called offline at the root after (baseline: the lease)", (await offline).Percentile(1, silent, around.Time), "s", MostSeconds, lease),
            Row.Exactly("  replaced by a new link of the same child where the way was free again", replaced.Count(s => s.Since > cut && s.Parent is not null), "links", Count),
            new Row("  the last of these after (baseline: the lease)", replaced.Select(s => s.Since).Percentile(1, cut, around.Time), "s", lease, null, null),
            Row.Exactly("  refused by the parent while it still held the former link", refused, "times", 0),
        ];
    }

    /// <summary>When each cluster is first called offline in the control API.</summary>
    private static async Task<IReadOnlyList<long>> OfflineAsync(Surroundings around, RootServer root, CancellationToken ct)
    {
        var seen = await root.Client.ListAsync(Kinds.Clusters, null, null, ct);
        var at = seen.Items.Where(c => c.Name() != "root").ToDictionary(c => c.Name(), _ => 0L, StringComparer.Ordinal);
        using var late = new CancellationTokenSource(Patience, around.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
        try
        {
            await foreach (var change in root.Client.WatchAsync(Kinds.Clusters, null, null, seen.ResourceVersion, either.Token))
            {
                if (change.Object.Text("status", "status") == "offline" && at.GetValueOrDefault(change.Object.Name(), -1) == 0)
                {
                    at[change.Object.Name()] = around.Time.GetTimestamp();
                }

                if (!at.ContainsValue(0))
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // Those that are missing count as never.
        }

        return [.. at.Values];
    }
}
