using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Events;

internal sealed partial class EventRecorder
{
    [LoggerMessage(401, LogLevel.Warning, "The event {Reason} about {Regarding} could not be published: {Error}")]
    private partial void LogDropped(string reason, string regarding, string error);
}
