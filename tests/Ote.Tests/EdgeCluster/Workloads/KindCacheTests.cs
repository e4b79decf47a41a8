using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;

namespace Ote.Tests.EdgeCluster.Workloads;

public sealed class KindCacheTests : IDisposable
{
    private readonly KubeClient _client = new(new HttpClient { BaseAddress = new Uri("https://nowhere/") });
    private readonly Informer _informer;
    private readonly KindCache _cache;

    public KindCacheTests()
    {
        _informer = new Informer(_client, Kinds.Pods, null, null, TimeProvider.System, () => 0, NullLogger.Instance);
        _cache = new KindCache(_informer, IndexKeys.OfPod);
    }

    private IReflectorTarget Watch => _informer;

    [Fact]
    public void Own_write_is_there_at_once_and_no_older_event_undoes_it()
    {
        Watch.Upsert(Pod(5, "1"));
        _cache.Wrote(Pod(7, "2"));
        Watch.Upsert(Pod(6, "3"));
        Assert.Equal("2", _cache.Get("default/p")!.Text("metadata", "labels", "rank"));
        Watch.Upsert(Pod(8, "4"));
        Assert.Equal("4", _cache.Get("default/p")!.Text("metadata", "labels", "rank"));
    }

    [Fact]
    public void Pod_deleted_here_does_not_come_back_with_an_event_from_before()
    {
        Watch.Upsert(Pod(5, "1"));
        _cache.Removed("default/p", "p-uid");
        Watch.Upsert(Pod(6, "2"));
        Assert.Null(_cache.Get("default/p"));
    }

    [Fact]
    public void Answer_to_a_write_that_comes_after_the_end_does_not_bring_the_pod_back()
    {
        Watch.Upsert(Pod(5, "1"));
        Watch.Remove(Pod(7, "1"));
        _cache.Wrote(Pod(6, "1"));
        Assert.Null(_cache.Get("default/p"));
        Assert.Empty(_cache.Find(IndexKeys.Owner("default", "ReplicaSet", "s1")));
    }

    [Fact]
    public void Next_pod_of_the_name_is_another_one()
    {
        Watch.Upsert(Pod(5, "1"));
        var next = Pod(9, "2");
        next["metadata"]!["uid"] = "next";
        _cache.Wrote(next);
        Watch.Remove(Pod(7, "1"));
        Assert.Equal("next", _cache.Get("default/p")!.Uid());
    }

    [Fact]
    public void Object_is_found_under_its_words_and_no_longer_under_those_it_lost()
    {
        Watch.Upsert(Pod(5, "1"));
        Assert.Single(_cache.Find(IndexKeys.Label("default", "rank", "1")));
        Assert.Single(_cache.Find(IndexKeys.Node("n1")));
        Assert.Single(_cache.Find(IndexKeys.Owner("default", "ReplicaSet", "s1")));
        Watch.Upsert(Pod(6, "2"));
        Assert.Empty(_cache.Find(IndexKeys.Label("default", "rank", "1")));
        Assert.Equal("6", Assert.Single(_cache.Find(IndexKeys.Label("default", "rank", "2"))).ResourceVersion());
    }

    public void Dispose() => _client.Dispose();

    private static JsonObject Pod(int version, string rank)
    {
        var pod = Sample.Pod("p");
        pod["metadata"]!["resourceVersion"] = $"{version}";
        pod["metadata"]!["labels"]!["rank"] = rank;
        return pod;
    }
}
