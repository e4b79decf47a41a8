using Microsoft.AspNetCore.Http;
using Ote.Shim.Live;

namespace Ote.Tests.Shim.Live;

public sealed class CallerHeadersTests
{
    [Fact]
    [Trait("Defect", "S2")]
    public void A_group_with_a_comma_in_its_name_is_not_taken_for_two_and_all_names_arrive_as_they_are()
    {
        using var sent = new HttpRequestMessage();
        sent.Headers.TryAddWithoutValidation("Impersonate-User", "J\u00fcrgen, the \u00e4lder%20");
        foreach (var group in (string[])["CN=ops, system:masters", "edge", "a%2Cb"])
        {
            sent.Headers.TryAddWithoutValidation("Impersonate-Group", group);
        }

        CallerHeaders.Encode(sent.Headers);
        var came = new DefaultHttpContext().Request.Headers;
        foreach (var (name, values) in sent.Headers)
        {
            came[name] = string.Join(", ", values); // as a connection does with several lines of one name
        }

        using var goes = new HttpRequestMessage();
        CallerHeaders.Decode(came, goes.Headers);
        Assert.Equal("J\u00fcrgen, the \u00e4lder%20", Assert.Single(goes.Headers.GetValues("Impersonate-User")));
        Assert.Equal(["CN=ops, system:masters", "edge", "a%2Cb"], goes.Headers.GetValues("Impersonate-Group"));
    }
}
