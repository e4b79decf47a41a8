using CsCheck;
using Ote.Shim.Kubernetes.Kubernetes;

namespace Ote.Tests.ShimKubernetes.Kubernetes;

public sealed class RequestOrderTests
{
    [Theory]
    [InlineData("in/a/x/", true, "in/a/x/", true, false)]
    [InlineData("in/a/x/", true, "in/a/x/", false, false)]
    [InlineData("in/a/x/", false, "in/a/x/", false, true)]
    [InlineData("in/a/", true, "in/a/x/", true, false)]
    [InlineData("in/a/x/", true, "in/a/", true, false)]
    [InlineData("in/a/x/", true, "in/a/xy/", true, true)]
    [InlineData("in/a/x/", true, "in/b/x/", true, true)]
    public void Second_request_starts_at_once_only_when_it_cannot_concern_the_first(string first, bool firstWrites, string second, bool secondWrites, bool starts)
    {
        RequestOrder order = new(10, 10);
        order.TryEnter(first, firstWrites);

        Assert.Equal(starts, order.TryEnter(second, secondWrites)!.Started);
    }

    [Fact]
    public void Request_that_left_while_it_waited_lets_those_behind_it_pass()
    {
        RequestOrder order = new(10, 10);
        RequestOrder.Place reads = order.TryEnter("a/", false)!, write = order.TryEnter("a/", true)!, behind = order.TryEnter("a/", false)!;
        Assert.False(behind.Started);

        Assert.Equal([behind], order.Leave(write));
        Assert.Empty(order.Leave(write));
        order.Leave(reads);
        order.Leave(behind);
        Assert.Equal(0, order.Count);
    }

    /// <summary>Any mix of arrivals and departures: bounds hold, conflicting requests never overlap nor overtake, and all run in the end.</summary>
    [Fact]
    public void Any_course_of_events_keeps_order_and_bounds_and_ends_empty() =>
        Gen.Select(Gen.Int[0, 4], Gen.Int[0, 3], Gen.Bool, Gen.Int[0, 9]).Array[1, 60].Sample(steps =>
        {
            RequestOrder order = new(capacity: 8, maxParallel: 3);
            List<RequestOrder.Place> arrived = [];
            foreach ((int ns, int name, bool writes, int leave) in steps)
            {
                string key = name == 0 ? $"in/{ns}/" : $"in/{ns}/{name}/";
                if (order.TryEnter(key, writes) is { } place)
                    arrived.Add(place);
                else if (arrived.Count < 8)
                    return false;
                if (leave < 5 && arrived.Count > 0)
                    Leave(order, arrived, arrived[leave % arrived.Count]);
                if (!Holds(arrived))
                    return false;
            }
            while (arrived.FirstOrDefault(place => place.Started) is { } running)
            {
                Leave(order, arrived, running);
                if (!Holds(arrived))
                    return false;
            }
            return arrived.Count == 0 && order.Count == 0;
        });

    private static void Leave(RequestOrder order, List<RequestOrder.Place> arrived, RequestOrder.Place place)
    {
        arrived.Remove(place);
        order.Leave(place);
    }

    private static bool Holds(List<RequestOrder.Place> arrived) =>
        arrived.Count <= 8
        && arrived.Count(place => place.Started) <= 3
        && arrived.Index().All(later => !later.Item.Started || arrived.Take(later.Index).All(earlier => !later.Item.Conflicts(earlier)));
}
