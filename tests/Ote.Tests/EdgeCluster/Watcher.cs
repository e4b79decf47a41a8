using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;

namespace Ote.Tests.EdgeCluster;

/// <summary>Waits for what an API server's objects of one kind show; woken by its watch, never by a clock.</summary>
internal sealed class Watcher : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _changed = new(0);
    private readonly Informer _informer;
    private readonly Task _run;

    public Watcher(KubeClient client, ResourceRef kind)
    {
        _informer = new Informer(client, kind, null, null, TimeProvider.System, () => 0, NullLogger.Instance);
        _informer.Changed += (old, now) =>
        {
            Seen?.Invoke(old, now);
            _changed.Release();
        };
        _run = _informer.RunAsync(_stop.Token);
    }

    public event Action<JsonObject?, JsonObject?>? Seen;

    /// <summary>Completes when what is there has been read.</summary>
    public Task Synced => _informer.Synced;

    /// <summary>Lets virtual time pass while the condition does not hold; null: there is none.</summary>
    public Func<Task>? Pass { get; init; }

    public IReadOnlyList<JsonObject> Items => [.. _informer.Items.OrderBy(i => i.Key(), StringComparer.Ordinal)];

    /// <summary>Completes when all objects together satisfy a condition.</summary>
    public async Task<IReadOnlyList<JsonObject>> UntilAsync(Func<IReadOnlyList<JsonObject>, bool> condition)
    {
        var give = TimeSpan.FromSeconds(30);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(give);
        try
        {
            await _informer.Synced.WaitAsync(late.Token);
            while (!condition(Items))
            {
                await (Pass is null ? _changed.WaitAsync(late.Token) : Pass());
                late.Token.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"after {give} the {_informer.Resource.Plural} are {string.Join("\n", Items.Select(i => i.ToJsonString()))}");
        }

        return Items;
    }

    /// <summary>Completes when one object satisfies a condition.</summary>
    public async Task<JsonObject> UntilAsync(string name, Func<JsonObject, bool> condition)
    {
        var items = await UntilAsync(all => all.Any(i => i.Name() == name && condition(i)));
        return items.First(i => i.Name() == name);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
        _changed.Dispose();
    }
}
