using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Client;

namespace Ote.Bench.EdgeHub;

/// <summary>
/// What a node's kubelet and kube-proxy ask for in common: the kubelet its Node, its pods, all Services, and a lease that it renews every ten seconds; kube-proxy all Services and slices. In protobuf as they prefer it, with gzip
/// as their HTTP client does.
/// </summary>
internal sealed class SimulatedNode(string name, string kubelet, string proxy, TimeProvider time) : IAsyncDisposable
{
    private const string Accept = "application/vnd.kubernetes.protobuf,application/json";
    private const int MostTries = 100;
    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan s_renew = TimeSpan.FromSeconds(10);
    private readonly HttpClient _kubelet = Kubeconfig.Load(kubelet).CreateHttpClient(time);
    private readonly HttpClient _proxy = Kubeconfig.Load(proxy).CreateHttpClient(time);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private readonly Lock _gate = new();
    private readonly HashSet<string> _marks = [];
    private readonly Dictionary<string, TaskCompletionSource> _awaited = [];
    private BenchException? _broken;

    /// <summary>Lists everything, and begins to watch.</summary>
    public async Task StartAsync(CancellationToken ct)
    {
        await FollowAsync(_kubelet, "api/v1/nodes", $"fieldSelector=metadata.name%3D{name}", false, ct);
        await FollowAsync(_kubelet, "api/v1/pods", $"fieldSelector=spec.nodeName%3D{name}", false, ct);
        await FollowAsync(_kubelet, "api/v1/services", "", false, ct);
        const string Mine = "labelSelector=%21service.kubernetes.io%2Fservice-proxy-name%2C%21service.kubernetes.io%2Fheadless";
        await FollowAsync(_proxy, "api/v1/services", Mine, false, ct);
        await FollowAsync(_proxy, "apis/discovery.k8s.io/v1beta1/endpointslices", Mine, true, ct);
        _running.Add(RenewAsync());
    }

    /// <summary>Completes when a change of slices with this word has come; fails when one of the node's connections broke, for then it does not do what a node does.</summary>
    public Task SeesAsync(string mark)
    {
        lock (_gate)
        {
            return _broken is not null ? Task.FromException(_broken) : _marks.Contains(mark) ? Task.CompletedTask : (_awaited.TryGetValue(mark, out var known) ? known : _awaited[mark] = new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _kubelet.Dispose();
        _proxy.Dispose();
        _stop.Dispose();
    }

    private async Task FollowAsync(HttpClient client, string path, string selector, bool marks, CancellationToken ct)
    {
        using var answer = await OpenAsync(client, $"{path}?{selector}&limit=500&resourceVersion=0", Accept, ct);
        await answer.Content.CopyToAsync(Stream.Null, ct);
        // The list's version, in a form that is read without a schema: what comes meanwhile is not missed for what is measured here.
        using var small = await OpenAsync(client, $"{path}?{selector}&limit=1", "application/json", ct);
        var version = JsonNode.Parse(await small.Content.ReadAsStringAsync(ct))!["metadata"]!["resourceVersion"]!.GetValue<string>();
        _running.Add(WatchAsync(client, $"{path}?{selector}&watch=true&allowWatchBookmarks=true&timeoutSeconds=3000&resourceVersion={version}", marks));
    }

    private async Task WatchAsync(HttpClient client, string path, bool marks)
    {
        try
        {
            using var answer = await OpenAsync(client, path, Accept + ";stream=watch", _stop.Token);
            using var stream = await answer.Content.ReadAsStreamAsync(_stop.Token);
            var (buffer, kept) = (new byte[64 * 1024], 0);
            while (await stream.ReadAsync(buffer.AsMemory(kept), _stop.Token) is var read and > 0)
            {
                if (marks)
                {
                    Look(buffer.AsSpan(0, kept + read));
                    var carry = Math.Min(64, kept + read);
                    buffer.AsSpan(kept + read - carry, carry).CopyTo(buffer);
                    kept = carry;
                }
            }

            throw new BenchException($"the watch of {path} at {name} ended");
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The end.
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException or BenchException)
        {
            Void(broken);
        }
    }

    private void Void(Exception broken)
    {
        lock (_gate)
        {
            _broken ??= new BenchException($"{name} does not go on, so that this run has no figure: {broken.Message}", broken);
            foreach (var awaited in _awaited.Values)
            {
                awaited.TrySetException(_broken);
            }
        }
    }

    private void Look(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            foreach (var (mark, awaited) in _awaited)
            {
                if (bytes.IndexOf(Encoding.ASCII.GetBytes(mark)) >= 0 && _marks.Add(mark))
                {
                    awaited.TrySetResult();
                }
            }
        }
    }

    private async Task RenewAsync()
    {
        using var timer = new PeriodicTimer(s_renew, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                using var request = new HttpRequestMessage(HttpMethod.Patch, $"apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}")
                {
                    Content = new StringContent($$$"""{"spec":{"renewTime":"{{{time.GetUtcNow():yyyy-MM-ddTHH:mm:ss.ffffffZ}}}"}}""", Encoding.UTF8, "application/merge-patch+json"),
                };
                using var answer = await _kubelet.SendAsync(request, _stop.Token);
                answer.EnsureSuccessStatusCode();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The end.
        }
        catch (HttpRequestException refused)
        {
            Void(new BenchException($"its lease was not renewed: {refused.Message}", refused));
        }
    }

    /// <summary>Tried again while the answer is 503, as a hub gives before it is connected for the first time.</summary>
    private async Task<HttpResponseMessage> OpenAsync(HttpClient client, string path, string accept, CancellationToken ct)
    {
        for (var tries = 1; ; tries++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("Accept", accept);
            var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            if (answer.StatusCode != HttpStatusCode.ServiceUnavailable || tries == MostTries)
            {
                return answer.EnsureSuccessStatusCode();
            }

            answer.Dispose();
            await Task.Delay(s_again, time, ct);
        }
    }
}
