using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Bench.Store;
using Ote.Testing.Kubernetes;

namespace Ote.Bench.Mirror;

/// <summary>
/// A real kube-apiserver v1.20 with 100,000 of the same pods in as many namespaces, which are not pruned but have no status yet, asked the same over TLS. Its etcd does not flush to disk: reading needs none of that.
/// </summary>
internal static class RealPods
{
    private const int Count = 100_000;
    private const int Writers = 64;

    /// <summary>Fills one and asks it: milliseconds of the middle answers.</summary>
    /// <param name="around">Clock and folder.</param>
    /// <param name="namespaces">How many.</param>
    /// <param name="median">Measures so many questions.</param>
    /// <param name="gets">Of one pod.</param>
    /// <param name="lists">Of many.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task<(double Get, double Hundred, double TenThousand)> MeasureAsync(Surroundings around, int namespaces, Func<int, Func<int, Task>, Task<double>> median, int gets, int lists, CancellationToken ct)
    {
        await using var api = await ApiUnderTest.RealAsync(await KubernetesTools.FindAsync(ct), durable: false, around.Time, ct);
        for (var ns = 0; ns < namespaces; ns++)
        {
            await api.CreateAsync("api/v1/namespaces", Encoding.UTF8.GetBytes($$$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"ns-{{{ns}}}"}}"""), ct);
        }

        await Parallel.ForAsync(0, Count, new ParallelOptions { MaxDegreeOfParallelism = Writers, CancellationToken = ct }, async (i, token) =>
        {
            if (i % 10_000 == 0)
            {
                await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"the real one: pod {i:N0} of {Count:N0}"));
            }

            await api.CreateAsync($"api/v1/namespaces/ns-{i % namespaces}/pods", Pod(i, namespaces), token);
        });
        return (
            await median(gets, i => api.ReadAsync($"api/v1/namespaces/ns-{i % namespaces}/pods/{MirrorBench.Name(i % namespaces, i)}", ct)),
            await median(lists * 5, _ => api.ReadAsync("api/v1/pods?limit=100", ct)),
            await median(lists, _ => api.ReadAsync("api/v1/namespaces/ns-3/pods?limit=10000", ct)));
    }

    private static byte[] Pod(int i, int namespaces)
    {
        var pod = (JsonObject)JsonNode.Parse(MirrorBench.Pod(i % namespaces, i / namespaces, 1, "Running"))!;
        (pod["apiVersion"], pod["kind"]) = ("v1", "Pod");
        foreach (var given in (string[])["uid", "resourceVersion", "creationTimestamp", "ownerReferences"])
        {
            pod["metadata"]!.AsObject().Remove(given);
        }

        return Encoding.UTF8.GetBytes(pod.ToJsonString());
    }
}
