//! What comes in: tracks, receive windows, the packet cache, keyframe requests.
