using System.Diagnostics.Metrics;
using Ote.Shim;
using Ote.Shim.Contract;
using Ote.Tests.ShimKubernetes;

namespace Ote.Tests.Shim;

public sealed class ShimMetricsTests
{
    [Fact]
    public void Words_that_callers_choose_do_not_grow_the_series()
    {
        List<string> seen = [];
        using MeterListener listener = new()
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == ShimMetrics.MeterName)
                    self.EnableMeasurementEvents(instrument, this);
            },
        };
        // Other tests run beside this one on meters of the same name: only its own outcomes are counted.
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) =>
        {
            Dictionary<string, object?> all = new(tags.ToArray());
            if (all["outcome"] is "7xx")
                seen.Add($"{all["destination"]} {all["method"]}");
        });
        listener.Start();
        ShimMetrics metrics = new(new NoMeters());

        for (int i = 0; i < 3; i++)
            metrics.Executed(new ExecuteRequest { Destination = $"d{i}", Method = $"M{i}" }, new ExecuteResponse { Code = 700 }, TimeSpan.Zero);
        metrics.Executed(new ExecuteRequest { Destination = "api", Method = "GET" }, new ExecuteResponse { Code = 700 }, TimeSpan.Zero);

        Assert.Equal(["other other", "other other", "other other", "api GET"], seen);
    }
}
